//! Request parameters, read once: repeated ones are recorded as repeated, empty ones count as absent (RFC 6749 §3.1).

use std::collections::{BTreeMap, BTreeSet};

use url::form_urlencoded;

use super::Refusal;
use super::problem::Problem;
use crate::domain::client::GrantType;
use crate::domain::form::{self, Unreadable};

/// Parameters that may be repeated (RFC 8707 §2, RFC 8693 §2.1).
const REPEATABLE: [&str; 2] = ["resource", "audience"];
/// The only grant type whose requests define `audience` (RFC 8693 §2.1).
const TOKEN_EXCHANGE: &str = GrantType::TokenExchange.as_str();

macro_rules! causes {
    ($($name:literal)+) => { &[$(($name, concat!($name, " was sent more than once"))),+] };
}

/// The cause for each known parameter that was repeated. A cause never contains an unknown name, which is client
/// input (ours).
const CAUSES: &[(&str, &str)] = causes!(
    "acr_values" "client_assertion" "client_assertion_type" "client_id" "client_secret" "code" "code_challenge"
    "code_challenge_method" "code_verifier" "device_code" "grant_type" "login_hint" "max_age" "nonce" "prompt"
    "redirect_uri" "refresh_token" "request_uri" "response_mode" "response_type" "scope" "state" "subject_token" "token"
);

/// The parameters of one request.
#[derive(Clone, Default)]
pub struct Parameters {
    values: BTreeMap<String, String>,
    further: Vec<(String, String)>,
    repeated: BTreeSet<String>,
}

impl Parameters {
    /// Reads `application/x-www-form-urlencoded` text: a query or a body.
    ///
    /// # Errors
    /// [`Problem::MalformedRequest`] for bytes that are not UTF-8, for NUL, and for too many parameters.
    pub fn parse(encoded: &[u8]) -> Result<Self, Refusal> {
        let encoded = std::str::from_utf8(encoded).map_err(|_bytes| Unreadable::NotText)?;
        let mut parameters = Self::default();
        for pair in form::pairs(encoded) {
            let (name, value) = pair?;
            parameters.add(name, value);
        }
        Ok(parameters)
    }

    /// Adds one parameter: ignores an empty value, and records a name that was repeated.
    pub fn add(&mut self, name: String, value: String) {
        if value.is_empty() {
            return;
        }
        if self.values.contains_key(&name) {
            if REPEATABLE.contains(&name.as_str()) {
                self.further.push((name, value));
            } else {
                self.repeated.insert(name);
            }
            return;
        }
        self.values.insert(name, value);
    }

    /// The value of a parameter that was sent and is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Whether no parameter with a value was sent.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Every value of a parameter that may be repeated, in order, each once.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let further = self.further.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let mut seen = BTreeSet::new();
        self.get(name).into_iter().chain(further).filter(|value| seen.insert(*value)).collect()
    }

    /// Returns the values of `resource`: the APIs that the request names (RFC 8707 §2).
    pub fn resources(&self) -> Vec<String> {
        self.all("resource").into_iter().map(str::to_owned).collect()
    }

    /// Encodes those parameters that `some` names as a form.
    pub fn to_form(&self, some: &[&str]) -> String {
        let further = self.further.iter().map(|(name, value)| (name, value));
        let kept = self.values.iter().chain(further).filter(|(name, _)| some.contains(&name.as_str()));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
    }

    /// Whether this parameter was sent more than once and must not be.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.repeated.contains(name)
    }

    /// Whether any parameter was sent more than once that must not be.
    pub fn has_repeats(&self) -> bool {
        let has_audiences = self.further.iter().any(|(name, _)| name == "audience");
        !self.repeated.is_empty() || (has_audiences && self.get("grant_type") != Some(TOKEN_EXCHANGE))
    }

    /// Returns a fixed sentence that names the repeated parameter, if this server knows its name.
    pub fn repeated_cause(&self) -> &'static str {
        let known = CAUSES.iter().find(|(name, _)| self.is_repeated(name));
        known.map_or("a parameter was sent more than once", |(_, cause)| cause)
    }

    /// Refuses repeated parameters, for endpoints that answer all of them with the same problem.
    ///
    /// # Errors
    /// [`Problem::RepeatedParameter`] when a parameter was repeated.
    pub fn without_repeats(self) -> Result<Self, Refusal> {
        self.check_repeats()?;
        Ok(self)
    }

    /// Checks that no parameter was sent more than once that must not be.
    ///
    /// # Errors
    /// [`Problem::RepeatedParameter`] when a parameter was repeated.
    pub fn check_repeats(&self) -> Result<(), Refusal> {
        if self.has_repeats() {
            return Err(Refusal { problem: Problem::RepeatedParameter, cause: self.repeated_cause() });
        }
        Ok(())
    }
}

impl From<Unreadable> for Refusal {
    fn from(unreadable: Unreadable) -> Self {
        Self { problem: Problem::MalformedRequest, cause: unreadable.cause() }
    }
}

impl std::fmt::Debug for Parameters {
    /// Prints the names only: values are secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.values.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_known_and_empty_values_are_absent() {
        let parameters = Parameters::parse(b"a=1&b=&a=2&c=x+y&resource=r&resource=s").expect("because it is UTF-8");
        assert_eq!((parameters.get("a"), parameters.get("b"), parameters.get("c")), (Some("1"), None, Some("x y")));
        assert!(parameters.is_repeated("a") && !parameters.is_repeated("resource"));
        assert_eq!((parameters.all("resource"), parameters.all("x")), (vec!["r", "s"], Vec::new()));
        assert_eq!(parameters.to_form(&["c", "resource", "x"]), "c=x+y&resource=r&resource=s");
        assert!(Parameters::parse(b"a=&a=1").expect("because it is UTF-8").get("a").is_some());
    }

    #[test]
    fn there_are_at_most_256_parameters_repeats_and_empty_ones_included() {
        let cause = |text: &str| Parameters::parse(text.as_bytes()).err().map(|refusal| refusal.cause);
        let too_many = Some("there are more than 256 parameters");
        assert_eq!((cause(&"a=1&".repeat(256)), cause(&"a=1&".repeat(257))), (None, too_many));
        assert_eq!((cause(&"a=&".repeat(257)), cause(&"resource=x&".repeat(257))), (too_many, too_many));
        let doubled: String = (0..5_300).map(|number| format!("{number}=1&{number}=1&")).collect();
        assert_eq!(cause(&doubled), too_many);
    }

    #[test]
    fn only_a_token_exchange_names_several_audiences() {
        let has_repeats = |text: &str| Parameters::parse(text.as_bytes()).expect("because it is UTF-8").has_repeats();
        let exchange = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange";
        assert!(has_repeats("audience=a&audience=b") && has_repeats("grant_type=device&audience=a&audience=a"));
        assert!(!has_repeats("audience=a") && !has_repeats(&format!("{exchange}&audience=a&audience=b")));
    }

    #[test]
    fn what_is_not_utf_8_is_refused_and_a_real_replacement_character_is_not() {
        assert!(Parameters::parse(b"a=%ff").is_err() && Parameters::parse(b"a=\xff").is_err());
        assert!(Parameters::parse(b"a=%00").is_err());
        assert_eq!(Parameters::parse(b"a=%EF%BF%BD").expect("because it was sent").get("a"), Some("\u{fffd}"));
        assert_eq!(Parameters::parse("a=\u{fffd}".as_bytes()).expect("because it was sent").get("a"), Some("\u{fffd}"));
    }
}
