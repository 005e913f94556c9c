//! JSON bodies of programs: an object, or nothing at all where nothing is needed.

use actix_web::web::Payload;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::domain::json::{self, InvalidJson};
use crate::oauth::problem::REPEATED_PARAMETER;
use crate::web::body;

/// The members of a JSON body; an empty body has none. Nesting is bounded by the parser.
///
/// # Errors
/// What is no JSON object, or too large.
pub async fn read(payload: Payload) -> Result<Object, ApiError> {
    Ok(Object::parse(&body::read(payload).await?)?)
}

/// The same for the one endpoint that takes a picture.
///
/// # Errors
/// What is no JSON object, or too large.
pub async fn read_large(payload: Payload) -> Result<Object, ApiError> {
    Ok(Object::parse(&body::read_large(payload).await?)?)
}

impl From<InvalidJson> for ApiError {
    fn from(invalid: InvalidJson) -> Self {
        match invalid {
            InvalidJson::Malformed => Self::invalid("The body must be a JSON object."),
            InvalidJson::Repeated => Self::of_problem(&REPEATED_PARAMETER),
        }
    }
}

/// The members of a body. `null` counts as absent.
#[derive(Clone, Debug)]
pub struct Object(Map<String, Value>);

impl Object {
    /// The members of a body that was read.
    ///
    /// # Errors
    /// What is no JSON object, or has a member twice.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidJson> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(Map::new()));
        }
        match json::parse(body)? {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(InvalidJson::Malformed),
        }
    }

    /// A member that was sent.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// All members as they were sent.
    pub fn members(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    /// The members as one text, the same for every order and spacing they can be sent in.
    pub fn canonical(&self) -> String {
        // The map is sorted by name, at every depth.
        Value::Object(self.0.clone()).to_string()
    }

    /// Whether a member was sent at all, `null` included.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text that may be absent.
    ///
    /// # Errors
    /// A member of another type.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.contains('\0') => Ok(Some(text)),
            Some(_) => Err(ApiError::invalid(format!("{name} must be a text."))),
        }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// A member that is missing, or of another type.
    pub fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?.ok_or_else(|| ApiError::invalid(format!("{name} is missing.")))
    }

    /// A whole number of seconds that may be absent.
    ///
    /// # Errors
    /// A member of another type, a fraction, or a number that no clock reaches.
    pub fn seconds(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let wrong = || ApiError::invalid(format!("{name} must be a whole number of seconds, at least 1."));
        match self.get(name) {
            None => Ok(None),
            Some(value) => {
                let seconds = json::integer(value).filter(|seconds| (1..=315_360_000_000).contains(seconds));
                seconds.map(Some).ok_or_else(wrong)
            }
        }
    }
}
