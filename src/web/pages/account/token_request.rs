//! Parses the form for a new token, and creates the token.

use super::token_offer::{API, FILESET, RESOURCES, may_be_permanent};
use crate::clock::{UnixTime, in_words};
use crate::domain::access_list::{Access, AccessList, Entry, Tier};
use crate::domain::api::ApiScope;
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::session::Origin;
use crate::domain::token::{Kind, Token};
use crate::domain::token_class::TokenClass;
use crate::domain::token_record::TokenRecord;
use crate::domain::user::User;
use crate::oauth::parameters::Parameters;
use crate::outcome::Error;
use crate::store::{Database, tokens};
use crate::tokens::new_personal_token::{self, Draft, Limits, MAX_DESCRIPTION, PersonalRefusal};
use crate::tokens::studio::{self, Asked, MAX_MINUTES, StudioDraft, StudioRefusal};
use crate::web::page::FieldError;

/// The maximum lifetime that can be entered, in days: a hundred years.
const MAX_DAYS: i64 = 36_500;

/// What the token gives access to.
#[derive(Clone, Debug)]
enum What {
    Resources(AccessList),
    Fileset(String),
    Scopes(Scope),
    Studio(TokenClass),
}

/// A valid request for a new token.
#[derive(Clone, Debug)]
pub(super) struct TokenRequest {
    name: String,
    what: What,
    /// The lifetime in seconds; `None` when the token never expires.
    valid_for: Option<i64>,
    /// Whether the token will be part of links that others can see.
    is_shared: bool,
}

fn wrong(field: &'static str, message: impl Into<String>) -> FieldError {
    FieldError { field, message: message.into() }
}

/// Returns the scopes that a form or a link names, in the field `scope` or as checkboxes.
pub(super) fn asked_scopes(form: &Parameters, scopes: &[ApiScope]) -> Vec<String> {
    let written = form.get("scope").unwrap_or_default().split_ascii_whitespace().map(str::to_owned);
    let ticked = scopes.iter().map(|scope| scope.name.clone());
    let mut asked: Vec<String> =
        written.chain(ticked.filter(|name| form.get(&format!("scope.{name}")).is_some())).collect();
    asked.sort();
    asked.dedup();
    asked
}

impl TokenRequest {
    /// Parses a form.
    ///
    /// # Errors
    /// All invalid fields, when there are any.
    pub(super) fn parse(form: &Parameters, limits: &Limits, scopes: &[ApiScope]) -> Result<Self, Vec<FieldError>> {
        let (name, what) = (name(form), what(form, scopes));
        let is_studio = form.get("kind").is_some_and(|kind| kind.contains('/'));
        let valid_for = valid_for(form, limits, is_studio);
        match (name, what, valid_for) {
            (Ok(name), Ok(what), Ok(valid_for)) => {
                Ok(Self { name, what, valid_for, is_shared: form.get("is_shared") == Some("true") })
            }
            (name, what, valid_for) => Err([name.err(), what.err(), valid_for.err()].into_iter().flatten().collect()),
        }
    }

    /// Creates the token.
    ///
    /// # Errors
    /// When the person may not have such a token, and when the store fails.
    pub(super) fn carry_out(
        &self,
        tx: &mut Database,
        now: UnixTime,
        limits: &Limits,
        who: (&User, &Origin),
    ) -> Result<(Secret, TokenRecord), Error<FieldError>> {
        let (text, id) = match &self.what {
            What::Resources(list) => self.personal(tx, now, limits, (who, Some(list.clone()), Scope::default()))?,
            What::Scopes(scope) => self.personal(tx, now, limits, (who, None, scope.clone()))?,
            What::Fileset(fileset) => {
                let wanted = (who, self.name.as_str(), fileset.as_str(), self.valid_for);
                let made =
                    studio::create_fileset(tx, now, limits, wanted, None).map_err(|error| of_studio(error, "resource"));
                shown(&made?)
            }
            What::Studio(class) => {
                let draft =
                    self.studio(*class, limits).map_err(|refusal| of_studio(Error::Refused(refusal), "kind"))?;
                let made = studio::create(tx, now, limits, (who, &draft, None), None);
                shown(&made.map_err(|error| of_studio(error, "kind"))?)
            }
        };
        let record = tokens::find_in_use(tx, id)?.map(|token| token.record);
        Ok((text, record.ok_or_else(|| Error::Refused(wrong("", "The token could not be made.")))?))
    }

    fn personal(
        &self,
        tx: &mut Database,
        now: UnixTime,
        limits: &Limits,
        (who, access_list, scope): ((&User, &Origin), Option<AccessList>, Scope),
    ) -> Result<(Secret, Id<TokenRecord>), Error<FieldError>> {
        let draft = Draft {
            description: self.name.clone(),
            access_list,
            scope,
            valid_for: self.valid_for,
            is_shared: self.is_shared,
        };
        let made = new_personal_token::create(tx, now, limits, (who, &draft, None));
        let made = made.map_err(|error| error.map_refusal(of_personal))?;
        Ok(shown(&made))
    }

    fn studio(&self, class: TokenClass, limits: &Limits) -> Result<StudioDraft, StudioRefusal> {
        // Part of a minute counts as a whole minute, unless that exceeds the limit.
        let most = limits.max_lifetime.map_or(i64::MAX, |most| most / 60);
        let minutes = self.valid_for.map_or(-1, |seconds| ((seconds + 59) / 60).min(most)).to_string();
        StudioDraft::parse(Asked {
            name: Some(&self.name),
            valid_time: Some(&minutes),
            action: Some(class.action().as_str()),
            resource_type: Some(class.resource_type().as_str()),
        })
    }
}

fn shown<K: Kind<Record = TokenRecord>>(token: &Token<K>) -> (Secret, Id<TokenRecord>) {
    (Secret::new(token.expose()), token.id())
}

fn of_personal(refusal: PersonalRefusal) -> FieldError {
    let field = if matches!(refusal, PersonalRefusal::Invalid(_)) { "" } else { "resource" };
    wrong(field, refusal.to_string())
}

fn of_studio(error: Error<StudioRefusal>, field: &'static str) -> Error<FieldError> {
    error.map_refusal(|refusal| wrong(field, format!("{refusal}.")))
}

fn name(form: &Parameters) -> Result<String, FieldError> {
    let name = form.get("name").map(str::trim).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| wrong("name", "Say what the token is for."))?;
    if name.chars().count() > MAX_DESCRIPTION || name.chars().any(char::is_control) {
        return Err(wrong("name", "Use one line of at most 100 characters."));
    }
    Ok(name.to_owned())
}

fn what(form: &Parameters, scopes: &[ApiScope]) -> Result<What, FieldError> {
    let lines = form.get("resource").unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.collect();
    match form.get("kind").unwrap_or_default() {
        RESOURCES => resources(&lines, form.get("tier").unwrap_or("view")).map(What::Resources),
        FILESET => match lines.as_slice() {
            [fileset] => Ok(What::Fileset((*fileset).to_owned())),
            _ => Err(wrong("resource", "Write the id of one fileset.")),
        },
        API => of_apis(&asked_scopes(form, scopes), scopes).map(What::Scopes),
        pair => {
            let class = pair
                .split_once('/')
                .and_then(|(action, kind)| TokenClass::new(action.parse().ok()?, kind.parse().ok()?).ok());
            class.map(What::Studio).ok_or_else(|| wrong("kind", "Choose what it may do."))
        }
    }
}

fn resources(lines: &[&str], tier: &str) -> Result<AccessList, FieldError> {
    let access_tier: Tier = tier.parse().map_err(|_unknown| wrong("tier", "Choose how far it goes."))?;
    if lines.is_empty() {
        return Err(wrong("resource", "Write the id of at least one resource."));
    }
    let entry = |path: &&str| Entry {
        path_id: (*path).to_owned(),
        access: Access { access_tier, geo_fence: None, property_fence: None },
    };
    let value = serde_json::to_value(lines.iter().map(entry).collect::<Vec<_>>()).unwrap_or_default();
    let too_much = "Write at most 500 ids, each of at most 200 characters.";
    AccessList::parse(&value).map_err(|_refused| wrong("resource", too_much))
}

/// Accepts scopes of registered APIs only, because the built-in scopes give access to everything.
fn of_apis(asked: &[String], scopes: &[ApiScope]) -> Result<Scope, FieldError> {
    let is_known = |name: &String| scopes.iter().any(|scope| scope.name == *name);
    if asked.is_empty() || !asked.iter().all(is_known) {
        return Err(wrong("scope", "Choose at least one scope of an API that is registered here."));
    }
    asked.join(" ").parse().map_err(|_unreadable| wrong("scope", "Choose at least one scope."))
}

fn valid_for(form: &Parameters, limits: &Limits, is_studio: bool) -> Result<Option<i64>, FieldError> {
    let field = if is_studio && form.get("studio_expires_in").is_some() { "studio_expires_in" } else { "expires_in" };
    let seconds = match form.get(field) {
        Some("never") if may_be_permanent(limits) => return Ok(None),
        Some("never") => return Err(wrong(field, "Tokens without an end are switched off here. Choose a time.")),
        Some("days") => return days(form, limits),
        other => other.and_then(|seconds| seconds.parse::<i64>().ok()).filter(|seconds| *seconds > 0),
    };
    let seconds = seconds.ok_or_else(|| wrong(field, "Choose how long it should work."))?;
    if is_studio && seconds > MAX_MINUTES * 60 {
        let message = "A studio token works for at most 6 days (9,999 minutes), or until you revoke it.";
        return Err(wrong(field, message));
    }
    within(limits, field, seconds)
}

fn days(form: &Parameters, limits: &Limits) -> Result<Option<i64>, FieldError> {
    let days = form.get("days").and_then(|days| days.trim().parse::<i64>().ok());
    let days = days.filter(|days| (1..=MAX_DAYS).contains(days));
    let days = days.ok_or_else(|| wrong("days", "Write a number of days, from 1 to 36,500."))?;
    within(limits, "days", days * 86_400)
}

fn within(limits: &Limits, field: &'static str, seconds: i64) -> Result<Option<i64>, FieldError> {
    match limits.max_lifetime {
        Some(most) if seconds > most => {
            Err(wrong(field, format!("Tokens work for at most {} here. Choose a shorter time.", in_words(most))))
        }
        _ => Ok(Some(seconds)),
    }
}
