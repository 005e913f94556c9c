//! The settings for self-registered applications.

use super::{ConfigError, Values};
use crate::domain::scope::Scope;
use crate::domain::self_registration::{ClientDocuments, DynamicRegistration, SelfRegistrationPolicy};

/// The default scopes that a self-registered application may request: they identify the person, where those scopes
/// exist.
const SCOPE: &str = "openid profile email offline_access";

/// Reads these settings; an absent one has its default.
pub(super) fn read(values: &Values) -> Result<SelfRegistrationPolicy, ConfigError> {
    let text = |key: &str, default: &str| values.get(key).map_or(default, String::as_str).trim().to_owned();
    let wrong = |key: &'static str, error: &dyn std::fmt::Display| ConfigError::Value(key, error.to_string());
    let scope = text("self_registered_scope", SCOPE).parse::<Scope>();
    let scope = scope.map_err(|error| wrong("self_registered_scope", &error))?;
    if scope.holds("projects") {
        return Err(wrong("self_registered_scope", &"may not hold projects: strangers would see everything"));
    }
    let registration: DynamicRegistration =
        text("dynamic_registration", "off").parse().map_err(|error| wrong("dynamic_registration", &error))?;
    let documents: ClientDocuments = text("cimd", "ask").parse().map_err(|error| wrong("cimd", &error))?;
    let hosts = text("cimd_hosts", "");
    let hosts: Vec<String> =
        hosts.split(',').map(|host| host.trim().to_ascii_lowercase()).filter(|host| !host.is_empty()).collect();
    if documents == ClientDocuments::Allowlist && hosts.is_empty() {
        return Err(wrong("cimd_hosts", &"names the hosts that cimd = allowlist lets in; it is empty"));
    }
    Ok(SelfRegistrationPolicy { registration, documents, hosts, scope })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&'static str, &str)]) -> Result<SelfRegistrationPolicy, ConfigError> {
        read(&pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect())
    }

    #[test]
    fn strangers_never_get_projects_and_a_list_is_never_empty() {
        let usual = with(&[]).expect("because the defaults are right");
        assert_eq!((usual.registration, usual.documents), (DynamicRegistration::Off, ClientDocuments::Ask));
        assert!(with(&[("self_registered_scope", "openid projects")]).is_err());
        assert!(with(&[("cimd", "allowlist")]).is_err() && with(&[("cimd", "on")]).is_err());
        let listed = with(&[("cimd", "allowlist"), ("cimd_hosts", "App.example, other.example,")]);
        assert_eq!(listed.expect("because hosts are named").hosts, ["app.example", "other.example"]);
        assert!(with(&[("dynamic_registration", "true")]).is_err());
    }
}
