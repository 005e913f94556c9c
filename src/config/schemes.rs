//! The setting `private_use_schemes`.

use super::{Config, ConfigError, Values};
use crate::domain::redirect_uri::may_be_listed;
use crate::domain::registration::Rules;
use crate::identity::login_redirect::ReturnRules;

/// Schemes without a dot that well-known native applications use.
const SCHEMES: &str = "cursor,vscode,claude";

/// Reads the setting; an absent one has its default.
pub(super) fn read(values: &Values) -> Result<Vec<String>, ConfigError> {
    let listed = values.get("private_use_schemes").map_or(SCHEMES, String::as_str).split(',').map(str::trim);
    let schemes: Vec<String> = listed.filter(|scheme| !scheme.is_empty()).map(str::to_owned).collect();
    match schemes.iter().find(|scheme| !may_be_listed(scheme)) {
        Some(wrong) => Err(ConfigError::Value(
            "private_use_schemes",
            format!("'{wrong}' is no scheme that a native program may have"),
        )),
        None => Ok(schemes),
    }
}

impl Config {
    /// Returns the rules for login return URLs.
    pub fn return_rules(&self) -> ReturnRules {
        ReturnRules { unregistered: self.unregistered, allow_insecure_http: self.allow_insecure_http }
    }

    /// Returns the rules that apply to every client registration.
    pub fn registration_rules(&self) -> Rules {
        let private_schemes = self.private_use_schemes.clone();
        let (longest_login_token, allow_insecure_http) = (self.lifetimes.login_redirect_max, self.allow_insecure_http);
        Rules { longest_login_token, private_schemes, allow_insecure_http }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_that_mean_something_else_are_not_listed() {
        let with = |listed: &str| read(&Values::from([("private_use_schemes", listed.to_owned())]));
        assert_eq!(read(&Values::new()).expect("because the default is right"), ["cursor", "vscode", "claude"]);
        assert!(with("").expect("because it may be empty").is_empty());
        assert_eq!(with("zed, cursor,").expect("because it is a list"), ["zed", "cursor"]);
        for scheme in ["javascript", "https", "file", "Zed", "a.b", "1a", "a b", "data"] {
            assert!(with(scheme).is_err(), "{scheme}");
        }
    }
}
