//! Access lists: the resources that a personal token may use, with a tier each
//! (`docs/compatibility/ellipsis.md#access-lists`).

use std::collections::HashMap;
use std::str::FromStr;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::column;
use super::json::integer;
use super::resource::{canonical, may_name};

/// The maximum number of entries of a list.
const MAX_ENTRIES: usize = 500;
/// The maximum size of a list in a request header, in bytes: proxies accept little more.
const MAX_BYTES: usize = 49_152;

/// The access tier of a token on a resource. The order is the order of the rights: each tier includes those before it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
/// How far an entry of an access list reaches.
#[serde(rename_all = "camelCase")]
#[diesel(sql_type = Text)]
pub enum Tier {
    /// Rendered images only.
    View,
    /// Raw data and downloads.
    ViewPlus,
    /// May invite others.
    Share,
    /// Listed by the platform without an explanation.
    FullView,
    /// May change data inside a layer.
    Edit,
    /// May create, change and move layers.
    EditPlus,
    /// Everything, permanent deletion included.
    Admin,
}

column::text!(Tier);

impl Tier {
    /// Every tier, with its number on the older scale, and its meaning in words for people.
    pub const ALL: [(Self, u32, &'static str); 7] = [
        (Self::View, 100, "see it"),
        (Self::ViewPlus, 200, "see it and download its data"),
        (Self::Share, 300, "see it, download its data and invite others"),
        (Self::FullView, 400, "see all of it, download its data and invite others"),
        (Self::Edit, 500, "change the data in it"),
        (Self::EditPlus, 800, "change it, move it and create in it"),
        (Self::Admin, 1_000, "do everything with it, permanent deletion included"),
    ];

    /// Returns the name as it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::ViewPlus => "viewPlus",
            Self::Share => "share",
            Self::FullView => "fullView",
            Self::Edit => "edit",
            Self::EditPlus => "editPlus",
            Self::Admin => "admin",
        }
    }

    /// Returns the meaning in words for people.
    pub fn in_words(self) -> &'static str {
        Self::ALL.iter().find(|(tier, _, _)| *tier == self).map_or("", |(_, _, words)| words)
    }

    /// Returns the nearest tier at or below a number of the older scale; `None` below 100.
    pub fn from_level(level: i64) -> Option<Self> {
        Self::ALL.iter().rev().find(|(_, number, _)| i64::from(*number) <= level).map(|(tier, _, _)| *tier)
    }
}

impl FromStr for Tier {
    type Err = InvalidAccessList;

    /// Accepts every spelling that the pages of the platform use.
    fn from_str(text: &str) -> Result<Self, InvalidAccessList> {
        match text {
            "view+" => Ok(Self::ViewPlus),
            "edit+" => Ok(Self::EditPlus),
            "fillView" => Ok(Self::FullView),
            _ => Self::ALL
                .iter()
                .find(|(tier, _, _)| tier.as_str() == text)
                .map(|(tier, _, _)| *tier)
                .ok_or(InvalidAccessList::Tier),
        }
    }
}

/// The access of a token to one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    pub access_tier: Tier,
    /// A restriction to map tiles or zoom levels. It is stored and returned; the API enforces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub geo_fence: Option<Value>,
    /// A restriction to properties of a vector layer. It is stored and returned; the API enforces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property_fence: Option<Vec<String>>,
}

/// A resource with the access of a token to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The ID of the resource at the platform.
    pub path_id: String,
    pub access: Access,
}

/// An access list without repeats: of several entries for one resource, the highest tier applies.
#[derive(Clone, Debug, PartialEq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct AccessList {
    entries: Vec<Entry>,
    text: String,
}

column::text!(AccessList);

/// The reason that a value is not an access list; the message is for developers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccessList {
    /// The value is not an array.
    #[error("accessList must be an array of {{pathId, access}}.")]
    NotAnArray,
    /// The array is empty.
    #[error("accessList must name at least one resource.")]
    Empty,
    /// The list has more than 500 entries, or more than 49,152 bytes.
    #[error("accessList may name at most 500 resources in 49152 bytes.")]
    TooLong,
    /// An entry has no `pathId`, or one that is too long.
    #[error("Each entry of accessList needs a pathId of at most 200 characters.")]
    PathId,
    /// An entry has no tier, or an unknown one.
    #[error("accessTier must be one of: view, viewPlus, share, edit, fullView, editPlus, admin.")]
    Tier,
    /// An `accessLevel` is not a whole number, or is below the lowest tier.
    #[error("accessLevel must be a whole number, at least 100 (view).")]
    Level,
    /// A fence is not in the expected form.
    #[error("geoFence must be an object with tiles or maxZoom, and propertyFence an array of names.")]
    Fence,
}

impl AccessList {
    /// Parses the value that a program sent: nested or flat, tiers or levels, in every spelling of the platform.
    ///
    /// # Errors
    /// The first error in the value.
    pub fn parse(value: &Value) -> Result<Self, InvalidAccessList> {
        let Value::Array(items) = value else { return Err(InvalidAccessList::NotAnArray) };
        if items.is_empty() {
            return Err(InvalidAccessList::Empty);
        }
        if items.len() > MAX_ENTRIES {
            return Err(InvalidAccessList::TooLong);
        }
        let list = items.iter().map(entry).collect::<Result<Vec<_>, _>>().map(Self::new)?;
        if list.in_ascii().len() > MAX_BYTES {
            return Err(InvalidAccessList::TooLong);
        }
        Ok(list)
    }

    /// Returns a list of these entries; repeats are merged. Of equal tiers, an entry without fences grants more.
    pub fn new(entries: Vec<Entry>) -> Self {
        let (mut merged, mut places): (Vec<Entry>, HashMap<String, usize>) = Default::default();
        for entry in entries {
            match places.get(&entry.path_id).map(|place| &mut merged[*place]) {
                Some(other) if entry.access.reach() > other.access.reach() => *other = entry,
                Some(_) => {}
                None => {
                    places.insert(entry.path_id.clone(), merged.len());
                    merged.push(entry);
                }
            }
        }
        let text = serde_json::to_string(&merged).unwrap_or_default();
        Self { entries: merged, text }
    }

    /// Returns the entries, in the order in which they were sent.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the list as JSON text, as it is stored and sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl AccessList {
    /// Returns the list for a request header: characters that are not ASCII are in `\u` form.
    pub fn in_ascii(&self) -> String {
        let mut text = String::with_capacity(self.text.len());
        for unit in self.text.encode_utf16() {
            match char::from_u32(u32::from(unit)).filter(char::is_ascii) {
                Some(character) => text.push(character),
                None => text.push_str(&format!("\\u{unit:04x}")),
            }
        }
        text
    }
}

impl Access {
    fn reach(&self) -> (Tier, bool) {
        (self.access_tier, self.geo_fence.is_none() && self.property_fence.is_none())
    }
}

impl FromStr for AccessList {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self::new)
    }
}

fn entry(value: &Value) -> Result<Entry, InvalidAccessList> {
    let entry = value.as_object().ok_or(InvalidAccessList::NotAnArray)?;
    let path_id = entry.get("pathId").and_then(Value::as_str).unwrap_or_default();
    if !may_name(path_id) {
        return Err(InvalidAccessList::PathId);
    }
    // `access` is an object, or a tier, or its members are members of the entry itself.
    let access = match entry.get("access") {
        Some(Value::Object(access)) => access_of(access)?,
        Some(Value::String(tier)) => Access { access_tier: tier.parse()?, geo_fence: None, property_fence: None },
        Some(Value::Null) | None => access_of(entry)?,
        Some(_) => return Err(InvalidAccessList::Tier),
    };
    Ok(Entry { path_id: canonical(path_id), access })
}

fn access_of(fields: &Map<String, Value>) -> Result<Access, InvalidAccessList> {
    let access_tier = match (fields.get("accessTier"), fields.get("accessLevel")) {
        (Some(Value::String(tier)), _) => tier.parse()?,
        (Some(Value::Null) | None, Some(level)) if !level.is_null() => {
            integer(level).and_then(Tier::from_level).ok_or(InvalidAccessList::Level)?
        }
        _ => return Err(InvalidAccessList::Tier),
    };
    let geo_fence = match fields.get("geoFence") {
        None | Some(Value::Null) => None,
        Some(Value::Object(fence)) if fence.contains_key("tiles") || fence.contains_key("maxZoom") => {
            Some(Value::Object(fence.clone()))
        }
        Some(_) => return Err(InvalidAccessList::Fence),
    };
    let property_fence = match fields.get("propertyFence") {
        None | Some(Value::Null) => None,
        Some(Value::Array(names)) => {
            let names: Option<Vec<String>> = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
            Some(names.ok_or(InvalidAccessList::Fence)?)
        }
        Some(_) => return Err(InvalidAccessList::Fence),
    };
    Ok(Access { access_tier, geo_fence, property_fence })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tier_of(value: Value) -> Result<Tier, InvalidAccessList> {
        AccessList::parse(&json!([value])).map(|list| list.entries()[0].access.access_tier)
    }

    #[test]
    fn every_spelling_of_the_platform_is_read() {
        assert_eq!(tier_of(json!({"pathId": "p", "access": {"accessTier": "view+"}})), Ok(Tier::ViewPlus));
        assert_eq!(tier_of(json!({"pathId": "p", "accessTier": "fillView"})), Ok(Tier::FullView));
        assert_eq!(tier_of(json!({"pathId": "p", "access": {"accessLevel": 100}})), Ok(Tier::View));
        assert_eq!(tier_of(json!({"pathId": "p", "accessLevel": 550})), Ok(Tier::Edit));
        assert_eq!(tier_of(json!({"pathId": "p", "accessLevel": 99})), Err(InvalidAccessList::Level));
        assert_eq!(tier_of(json!({"pathId": "p"})), Err(InvalidAccessList::Tier));
        assert_eq!(tier_of(json!({"accessTier": "view"})), Err(InvalidAccessList::PathId));
    }

    #[test]
    fn of_repeats_the_highest_counts_and_an_empty_list_is_refused() {
        let list = AccessList::parse(&json!([
            {"pathId": "p", "accessTier": "view"}, {"pathId": "q", "accessTier": "view"}, {"pathId": "p", "accessTier": "edit"},
        ]))
        .expect("because it is a list");
        let tiers: Vec<Tier> = list.entries().iter().map(|entry| entry.access.access_tier).collect();
        assert_eq!(tiers, [Tier::Edit, Tier::View]);
        assert_eq!(
            AccessList::parse(&json!([{"pathId": "é\u{1F5FA}", "accessTier": "view"}])).map(|list| list.in_ascii()),
            Ok(r#"[{"pathId":"\u00e9\ud83d\uddfa","access":{"accessTier":"view"}}]"#.to_owned())
        );
        assert_eq!(list.as_str().parse::<AccessList>().expect("because it was just written"), list);
        let fenced = json!({"pathId": "p", "accessTier": "view", "propertyFence": ["name"]});
        let free = AccessList::parse(&json!([fenced, {"pathId": "p", "accessTier": "view"}, fenced]));
        assert_eq!(free.map(|list| list.entries()[0].access.property_fence.clone()), Ok(None));
        assert_eq!(AccessList::parse(&json!([])), Err(InvalidAccessList::Empty));
        assert_eq!(AccessList::parse(&json!({})), Err(InvalidAccessList::NotAnArray));
    }
}
