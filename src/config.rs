//! The settings: typed, read from a file and the environment. No secret has a default.

mod addresses;
mod database;
mod database_url;
mod keys;
mod lifetimes;
mod rate_limits;
mod registration;
mod schemes;
mod second_factor;
pub mod secret_file;
mod security_contact;
mod self_registration;
mod sources;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use url::Url;

use crate::domain::base_key::BaseKeys;
use crate::domain::column::{self, UnknownName};
use crate::domain::id::MAX_NODE;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::network::{InvalidNetwork, Network};
use crate::domain::redirect_uri::is_loopback_host;
use crate::domain::request_class::RequestRules;
use crate::domain::second_factor::FactorPolicy;
use crate::domain::secret::Secret;
use crate::domain::self_registration::SelfRegistrationPolicy;
use crate::identity::login_redirect::Unregistered;
use crate::identity::sign_up::RegistrationPolicy;
use crate::identity::throttle::RateLimits;
use crate::mail::transport::{InvalidMailUrl, MailUrl};
use crate::store::DatabaseSettings;
use crate::tokens::new_personal_token::Limits;
use crate::tokens::request::Judge;
pub use database_url::without_secrets;
pub use keys::KEYS;
use sources::Values;
pub use sources::{SECRETS, own_environment};

/// The reason that the settings cannot be used; the message is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The settings file cannot be read.
    #[error("{0} cannot be read: {1}")]
    File(PathBuf, std::io::Error),
    /// The file is not valid TOML: its path, the line number, and the reason. The line itself is not shown, since it
    /// may contain a password.
    #[error("{0} is not valid, line {1}: {2}")]
    Syntax(PathBuf, usize, String),
    /// An environment variable with the prefix `GATEPOST_` is not UTF-8.
    #[error("the environment variable {0} is not UTF-8")]
    Environment(String),
    /// The key is not a setting; the second text suggests a similar key, or is empty.
    #[error("unknown setting '{0}'{1}")]
    UnknownKey(String, String),
    /// The value is not valid for the setting.
    #[error("setting '{0}': {1}")]
    Value(&'static str, String),
}

/// All settings of the server, validated.
#[derive(Clone, Debug)]
pub struct Config {
    /// The issuer without a trailing slash. Without the setting, it is localhost with the port that is bound.
    pub public_url: Option<Url>,
    /// Address and port of the server.
    pub listen: String,
    /// Address and port of the health endpoints; absent: they are not served.
    pub ops_listen: Option<String>,
    /// Seconds that a stopping server still answers new connections.
    pub drain: u64,
    /// The URL of the database. It may contain a password.
    pub database_url: Secret,
    /// The connections and timeouts for PostgreSQL.
    pub database: DatabaseSettings,
    /// The base key, when it is set by value.
    pub secret: Option<BaseKeys>,
    /// The file with the base key, when it is not set by value.
    pub secret_file: PathBuf,
    /// For each secret that was read from a file: the setting, and the path of the file.
    pub read_from: BTreeMap<&'static str, String>,
    /// How emails are sent.
    pub mail_url: MailUrl,
    /// The sender of emails. Absent: an address at the host of the public URL.
    pub mail_from: Option<String>,
    /// Who may create an account.
    pub registration: RegistrationPolicy,
    pub lifetimes: Lifetimes,
    /// Whether a second factor is required, and which ones.
    pub second_factor: FactorPolicy,
    /// How login return URLs are treated that no application registered.
    pub unregistered: Unregistered,
    /// What self-registered applications may do.
    pub self_registration: SelfRegistrationPolicy,
    /// Private-use URI schemes without a dot that native applications may use in redirect URIs.
    pub private_use_schemes: Vec<String>,
    /// The limits on tokens that people create.
    pub token_limits: Limits,
    /// The proxy headers that `/auth/check` reads.
    pub forward_headers: ForwardHeaders,
    /// Which side checks the access list of a personal token against a forwarded path.
    pub forward_judge: Judge,
    /// How forwarded requests are classified, by method and path.
    pub request_rules: RequestRules,
    /// Where security weaknesses are reported, as a URI.
    pub security_contact: Option<String>,
    /// The networks whose `X-Forwarded-For` header is trusted.
    pub trusted_proxies: Vec<Network>,
    /// The preferred node number, which is part of the keys of new rows.
    pub node_id: Option<u16>,
    /// Whether `http` is allowed for hosts that are not loopback.
    pub allow_insecure_http: bool,
    /// The bcrypt cost of a password hash.
    pub bcrypt_cost: u32,
    /// Threads that hash passwords.
    pub hashing_threads: usize,
    pub rate_limits: RateLimits,
    /// Threads that serve requests.
    pub workers: usize,
    pub log_level: tracing::Level,
}

column::named! {
    /// The setting `forward_auth.headers`: the proxy headers with the method and path of a forwarded request.
    ForwardHeaders {
        /// `X-Original-Method` and `X-Original-URI` (nginx).
        Original = "x-original",
        /// `X-Forwarded-Method` and `X-Forwarded-Uri` (Caddy, Traefik).
        Forwarded = "x-forwarded",
        /// `X-Original-Method` and `X-Original-URL` (ingress-nginx).
        OriginalUrl = "x-original-url",
    }
}

/// Reads the settings file, if one is given, and the environment; the environment takes precedence.
///
/// # Errors
/// The first setting that cannot be used.
pub fn load(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Config, ConfigError> {
    build(sources::read(file, environment)?)
}

fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
    values: &Values,
    key: &'static str,
    default: T,
    range: std::ops::RangeInclusive<T>,
) -> Result<T, ConfigError> {
    let Some(text) = values.get(key) else { return Ok(default) };
    let wrong = || ConfigError::Value(key, format!("must be a number from {} to {}", range.start(), range.end()));
    text.trim().parse().ok().filter(|number| range.contains(number)).ok_or_else(wrong)
}

fn flag(values: &Values, key: &'static str, default: bool) -> Result<bool, ConfigError> {
    match values.get(key).map(|text| text.trim()) {
        None => Ok(default),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(_) => Err(ConfigError::Value(key, "must be true or false".to_owned())),
    }
}

fn build(sources::Settings { values, read_from }: sources::Settings) -> Result<Config, ConfigError> {
    let values = &values;
    let text = |key: &str, default: &str| values.get(key).map_or(default, String::as_str).trim().to_owned();
    let database_url = database_url::read(values)?;
    let (listen, ops_listen) = addresses::read(values)?;
    let concurrency = number(values, "password.concurrency", 0, 0..=256)?;
    let token_limits = token_limits(values, &text("resources.unknown", "accept"))?;
    Ok(Config {
        public_url: public_url(values)?,
        listen,
        ops_listen,
        drain: number(values, "drain", 5, 0..=3_600)?,
        secret: secret(values)?,
        secret_file: secret_file(values, &database_url)?,
        database_url: Secret::new(database_url),
        read_from,
        database: database::read(values)?,
        mail_url: text("mail.url", "log:")
            .parse()
            .map_err(|error: InvalidMailUrl| ConfigError::Value("mail.url", error.to_string()))?,
        mail_from: Some(text("mail.from", "")).filter(|from| !from.is_empty()),
        registration: registration::read(values)?,
        lifetimes: lifetimes::read(values)?.with_tokens_within(token_limits.max_lifetime),
        second_factor: second_factor::read(values)?,
        unregistered: match text("login_redirect.unregistered", "deny").as_str() {
            "deny" => Unregistered::Deny,
            "confirm" => Unregistered::Confirm,
            _ => return Err(ConfigError::Value("login_redirect.unregistered", "must be deny or confirm".to_owned())),
        },
        self_registration: self_registration::read(values)?,
        private_use_schemes: schemes::read(values)?,
        token_limits,
        forward_headers: text("forward_auth.headers", "x-original")
            .parse()
            .map_err(|error: UnknownName| ConfigError::Value("forward_auth.headers", error.to_string()))?,
        forward_judge: text("forward_auth.judge", "gatepost")
            .parse()
            .map_err(|error: UnknownName| ConfigError::Value("forward_auth.judge", error.to_string()))?,
        request_rules: request_rules(values)?,
        security_contact: security_contact::read(values)?,
        trusted_proxies: proxies(&text("trusted_proxies", ""))?,
        node_id: values.contains_key("node_id").then(|| number(values, "node_id", 0, 0..=MAX_NODE)).transpose()?,
        allow_insecure_http: flag(values, "allow_insecure_http", false)?,
        bcrypt_cost: number(values, "password.bcrypt_cost", 12, 10..=14)?,
        hashing_threads: if concurrency == 0 { cores() } else { concurrency },
        rate_limits: rate_limits::read(values)?,
        workers: match number(values, "workers", 0, 0..=1_024)? {
            0 => cores(),
            workers => workers,
        },
        log_level: text("log.level", "info").parse().map_err(|_unknown| {
            ConfigError::Value("log.level", "must be error, warn, info, debug or trace".to_owned())
        })?,
    })
}

fn token_limits(values: &Values, unknown: &str) -> Result<Limits, ConfigError> {
    let max_lifetime: i64 = number(values, "tokens.max_lifetime", 0, 0..=3_153_600_000)?;
    Ok(Limits {
        allow_permanent: flag(values, "tokens.allow_permanent", true)?,
        max_lifetime: (max_lifetime > 0).then_some(max_lifetime),
        accept_unknown_resources: match unknown {
            "accept" => true,
            "refuse" => false,
            _ => return Err(ConfigError::Value("resources.unknown", "must be accept or refuse".to_owned())),
        },
    })
}

fn request_rules(values: &Values) -> Result<RequestRules, ConfigError> {
    let text = |key: &str| values.get(key).map_or("", String::as_str);
    let lists = (text("forward_auth.classes"), text("forward_auth.resources"), text("forward_auth.filesets"));
    let rules = RequestRules::parse(lists.0, lists.1, lists.2);
    rules.map_err(|error| ConfigError::Value("forward_auth", error.to_string()))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Requires https, or loopback: elsewhere browsers send no `Sec-Fetch-*` headers, and tokens would be sent unencrypted.
fn public_url(values: &Values) -> Result<Option<Url>, ConfigError> {
    let Some(text) = values.get("public_url") else { return Ok(None) };
    let wrong = |message: &str| ConfigError::Value("public_url", message.to_owned());
    let url = Url::parse(text.trim().trim_end_matches('/')).map_err(|_unreadable| wrong("must be a whole address"))?;
    let has_person = !url.username().is_empty() || url.password().is_some();
    let has_extras = url.query().is_some() || url.fragment().is_some() || has_person;
    if !matches!(url.scheme(), "http" | "https") || has_extras {
        return Err(wrong("must be an http(s) address without query, fragment, user and password"));
    }
    let is_safe = url.scheme() == "https" || is_loopback_host(&url);
    if !is_safe && !flag(values, "allow_insecure_http", false)? {
        return Err(wrong(
            "must be https (or loopback); allow_insecure_http = true overrides this where nothing is secret",
        ));
    }
    Ok(Some(url))
}

fn secret(values: &Values) -> Result<Option<BaseKeys>, ConfigError> {
    let keys = values.get("secret").map(|text| BaseKeys::parse(text)).transpose();
    keys.map_err(|error| ConfigError::Value("secret", error.to_string()))
}

fn secret_file(values: &Values, database_url: &str) -> Result<PathBuf, ConfigError> {
    match (values.get("secret_file"), database_url.strip_prefix("sqlite://")) {
        (Some(file), _) => Ok(PathBuf::from(file)),
        (None, Some(database)) => Ok(PathBuf::from(format!("{database}.secret"))),
        (None, None) if values.contains_key("secret") => Ok(PathBuf::new()),
        (None, None) => Err(ConfigError::Value(
            "secret_file",
            "is required with PostgreSQL, the same file on every node".to_owned(),
        )),
    }
}

fn proxies(text: &str) -> Result<Vec<Network>, ConfigError> {
    let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
    let parsed: Result<Vec<Network>, InvalidNetwork> = networks.map(str::parse).collect();
    parsed.map_err(|error| ConfigError::Value("trusted_proxies", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        load(None, pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn defaults_hold_and_the_environment_spells_dots_as_underscores() {
        let config =
            with(&[("GATEPOST_LIFETIMES_CODE", "30"), ("GATEPOST_OPS_LISTEN", "")]).expect("because it is right");
        assert_eq!((config.lifetimes.code, config.lifetimes.access, config.ops_listen), (30, 3_600, None));
        assert_eq!(config.secret_file, PathBuf::from("gatepost.db.secret"));
    }

    #[test]
    fn a_typo_in_the_file_is_refused_with_the_nearest_name() {
        let folder = tempfile::tempdir().expect("because the system has a temporary folder");
        let file = folder.path().join("gatepost.toml");
        std::fs::write(&file, "[lifetimes]\ncdoe = 30\n").expect("because the folder is ours");
        let error = load(Some(&file), std::iter::empty()).expect_err("because of the typo").to_string();
        assert_eq!(error, "unknown setting 'lifetimes.cdoe'; did you mean 'lifetimes.code'?");
    }

    #[test]
    fn settings_that_are_written_to_a_log_show_no_secret() {
        let secrets = [
            ("GATEPOST_DATABASE_URL", "postgres://ann:hunter2@db/x".to_owned()),
            ("GATEPOST_MAIL_URL", "smtp://ann:hunter2@mail.example".to_owned()),
            ("GATEPOST_SECRET", format!("1:{}", "c0ffee5e".repeat(8))),
        ];
        let config = load(None, secrets.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let shown = format!("{:?}", config.expect("because they are right"));
        assert!(!shown.contains("hunter2") && !shown.contains("c0ffee5e"), "{shown}");
    }

    #[test]
    fn an_insecure_public_url_and_a_postgres_without_secret_file_are_refused() {
        assert!(with(&[("GATEPOST_PUBLIC_URL", "http://id.example")]).is_err());
        assert!(
            with(&[("GATEPOST_PUBLIC_URL", "http://id.example"), ("GATEPOST_ALLOW_INSECURE_HTTP", "true")]).is_ok()
        );
        assert!(with(&[("GATEPOST_PUBLIC_URL", "http://127.0.0.1:9/id/")]).is_ok());
        assert!(with(&[("GATEPOST_DATABASE_URL", "postgres://x")]).is_err());
        assert!(with(&[("GATEPOST_PASSWORD_BCRYPT_COST", "4")]).is_err());
    }
}
