//! Parses JSON bodies of programs: an object, or an empty body when no member is required.

use actix_web::web::Payload;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::domain::json::{self, InvalidJson};
use crate::oauth::problem::Problem;
use crate::web::body;

/// Reads the members of a JSON body. An empty body has none. The parser limits the nesting.
///
/// # Errors
/// When the body is not a JSON object, or is too large.
pub async fn read(payload: Payload) -> Result<Object, ApiError> {
    Ok(Object::parse(&body::read(payload).await?)?)
}

/// Reads the members of a larger JSON body, for the endpoint that accepts a picture.
///
/// # Errors
/// When the body is not a JSON object, or is too large.
pub async fn read_large(payload: Payload) -> Result<Object, ApiError> {
    Ok(Object::parse(&body::read_large(payload).await?)?)
}

impl From<InvalidJson> for ApiError {
    fn from(invalid: InvalidJson) -> Self {
        match invalid {
            InvalidJson::Malformed => Self::invalid("The body must be a JSON object."),
            InvalidJson::Repeated => Self::of_problem(Problem::RepeatedParameter),
        }
    }
}

/// The members of a body. A member that is `null` counts as absent.
#[derive(Clone, Debug)]
pub struct Object(Map<String, Value>);

impl Object {
    /// Parses the members of a body.
    ///
    /// # Errors
    /// When the body is not a JSON object, or contains a member twice.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidJson> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(Map::new()));
        }
        match json::parse(body)? {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(InvalidJson::Malformed),
        }
    }

    /// Returns a member, or `None` when it was not sent or is `null`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Returns all members as they were sent.
    pub fn members(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    /// Returns the members as one text, which does not depend on their order and white space.
    pub fn canonical(&self) -> String {
        // The map is sorted by name at every depth.
        Value::Object(self.0.clone()).to_string()
    }

    /// Returns whether a member was sent, including as `null`.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Returns a text that may be absent.
    ///
    /// # Errors
    /// When the member has another type.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.contains('\0') => Ok(Some(text)),
            Some(_) => Err(ApiError::invalid(format!("{name} must be a text."))),
        }
    }

    /// Returns a required text.
    ///
    /// # Errors
    /// When the member is missing or has another type.
    pub fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?.ok_or_else(|| ApiError::invalid(format!("{name} is missing.")))
    }

    /// Returns a whole number of seconds that may be absent.
    ///
    /// # Errors
    /// When the member has another type, is a fraction, or is out of range.
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
