//! `gatepost config check
//!
//! show`: checks and prints the settings that are in force.

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::{CommandError, output, serve};
use crate::config::{Config as Settings, KEYS, without_secrets};

/// The subcommands of `gatepost config`.
#[derive(Subcommand)]
pub enum Config {
    /// Read the file and the environment, and say whether they can be used.
    Check,
    /// Print the settings in force, with what each does.
    Show,
}

/// Runs one of the `config` commands.
///
/// # Errors
/// The first setting that `serve` would refuse.
pub fn run(command: &Config, settings: Settings, is_json: bool) -> Result<(), CommandError> {
    match command {
        Config::Check => {
            serve::check(&settings)?;
            output::done(&json!({ "usable": true }), "the settings can be used", is_json)
        }
        Config::Show if is_json => output::record(&shown(&settings), true),
        Config::Show => {
            let values = shown(&settings);
            KEYS.iter().try_for_each(|(key, meaning)| output::line(&format!("# {meaning}\n{key} = {}\n", values[key])))
        }
    }
}

fn shown(settings: &Settings) -> Value {
    let mut shown = Map::new();
    let mut add = |key: &str, value: Value| drop(shown.insert(key.to_owned(), value));
    let lifetimes = settings.lifetimes;
    add("public_url", json!(settings.public_url.as_ref().map_or("http://localhost:{bound port}", url::Url::as_str)));
    add("listen", json!(settings.listen));
    add("ops_listen", json!(settings.ops_listen.as_deref().unwrap_or_default()));
    add("drain", json!(settings.drain));
    add("database_url", json!(without_secrets(settings.database_url.expose())));
    add("secret", json!(if settings.secret.is_some() { "…" } else { "" }));
    let database = settings.database;
    add("database.pool", json!(database.pool));
    add("database.pool_wait", json!(database.pool_wait));
    add("database.connect_timeout", json!(database.connect_timeout));
    add("database.tcp_user_timeout", json!(database.tcp_user_timeout));
    add("database.statement_timeout", json!(database.statement_timeout));
    add("database.prepared_statements", json!(database.prepared_statements));
    add("secret_file", json!(settings.secret_file));
    for file in ["database_url_file", "mail.url_file"] {
        add(file, json!(settings.read_from.get(file).map(String::as_str).unwrap_or_default()));
    }
    add("mail.url", json!(settings.mail_url.to_string()));
    add("mail.from", json!(settings.mail_from.as_deref().unwrap_or_default()));
    add("registration", json!(settings.registration));
    add("lifetimes.code", json!(lifetimes.code));
    add("lifetimes.par", json!(lifetimes.par));
    add("lifetimes.access", json!(lifetimes.access));
    add("lifetimes.refresh_idle", json!(lifetimes.refresh_idle));
    add("lifetimes.refresh_max", json!(lifetimes.refresh_max));
    add("lifetimes.user_token", json!(lifetimes.user_token));
    add("lifetimes.user_token_max", json!(lifetimes.user_token_max));
    add("lifetimes.remote_session", json!(lifetimes.remote_session));
    add("lifetimes.device", json!(lifetimes.device));
    add("lifetimes.reset", json!(lifetimes.reset));
    add("lifetimes.login_redirect_max", json!(lifetimes.login_redirect_max));
    add("lifetimes.session_idle", json!(lifetimes.session_idle));
    add("lifetimes.session_max", json!(lifetimes.session_max));
    add("lifetimes.signing_key", json!(lifetimes.signing_key));
    add("lifetimes.id_token", json!(lifetimes.id_token));
    add("login_redirect.unregistered", json!(format!("{:?}", settings.unregistered).to_lowercase()));
    let self_registration = &settings.self_registration;
    add("dynamic_registration", json!(self_registration.registration.as_str()));
    add("cimd", json!(self_registration.documents.as_str()));
    add("cimd_hosts", json!(self_registration.hosts.join(",")));
    add("self_registered_scope", json!(self_registration.scope.as_str()));
    add("private_use_schemes", json!(settings.private_use_schemes.join(",")));
    let limits = settings.token_limits;
    add("resources.unknown", json!(if limits.accept_unknown_resources { "accept" } else { "refuse" }));
    add("tokens.allow_permanent", json!(limits.allow_permanent));
    add("tokens.max_lifetime", json!(limits.max_lifetime.unwrap_or(0)));
    add("forward_auth.headers", json!(settings.forward_headers.as_str()));
    add("forward_auth.judge", json!(settings.forward_judge.as_str()));
    let [classes, resources, filesets] = settings.request_rules.as_written();
    add("forward_auth.classes", json!(classes));
    add("forward_auth.resources", json!(resources));
    add("forward_auth.filesets", json!(filesets));
    add("second_factor.required", json!(settings.second_factor.is_required));
    add("second_factor.email_code", json!(settings.second_factor.mails_codes));
    add("security_contact", json!(settings.security_contact.as_deref().unwrap_or_default()));
    add("trusted_proxies", json!(settings.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>()));
    add("node_id", settings.node_id.map_or_else(|| json!("leased"), |number| json!(number)));
    add("allow_insecure_http", json!(settings.allow_insecure_http));
    add("password.bcrypt_cost", json!(settings.bcrypt_cost));
    add("password.concurrency", json!(settings.hashing_threads));
    let rates = settings.rate_limits;
    add("rate_limits.enabled", json!(rates.is_enabled));
    add("rate_limits.window", json!(rates.window));
    add("rate_limits.account_from_network", json!(rates.account_from_network));
    add("rate_limits.account", json!(rates.account));
    add("rate_limits.network", json!(rates.network));
    add("rate_limits.user_codes", json!(rates.user_codes));
    add("rate_limits.user_codes_of_network", json!(rates.user_codes_of_network));
    add("rate_limits.letters", json!(rates.letters));
    add("rate_limits.sign_ups", json!(rates.sign_ups));
    add("rate_limits.look_ups", json!(rates.look_ups));
    add("rate_limits.registrations", json!(rates.registrations));
    add("rate_limits.client_failures", json!(rates.client_failures));
    add("workers", json!(settings.workers));
    add("log.level", json!(settings.log_level.as_str().to_lowercase()));
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_shown() {
        let settings = crate::config::load(None, std::iter::empty()).expect("because the defaults are right");
        let Value::Object(shown) = shown(&settings) else { panic!("it is no object") };
        let missing: Vec<&str> = KEYS.iter().map(|(key, _)| *key).filter(|key| !shown.contains_key(*key)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
