//! Opens what every command needs: the settings, the base key, the database. The tests use it too.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::web::Data;
use url::Url;

use crate::background_jobs::NodeLease;
use crate::clock::Clock;
use crate::config::secret_file::{self, Unreadable};
use crate::config::{self, Config, ConfigError, without_secrets};
use crate::domain::base_key::BaseKeys;
use crate::domain::id::{self, Id};
use crate::domain::installation::Installation;
use crate::domain::secret::random_word;
use crate::identity::password_hashing::Hasher;
use crate::identity::throttle::Throttle;
use crate::mail::Mail;
use crate::mail::transport::Unsendable;
use crate::oauth::refusals::Refusals;
use crate::oauth::signing::Signer;
use crate::store::{self, Store, StoreError, installation};
use crate::tokens::TokenSettings;
use crate::tokens::device_polls::DevicePolls;
use crate::tokens::last_use::LastUse;
use crate::web::app::{App, PublicUrl};
use crate::web::oauth::read_documents::Documents;
use crate::web::oauth::read_keys::ClientKeys;
use crate::web::published::Published;
use crate::web::readiness::Readiness;
use crate::web::sent_forms::SentForms;

/// The reason that a command or the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no database, and this command does not create one.
    #[error("there is no database at {0}; `gatepost serve` or `gatepost migrate` makes one")]
    NoDatabase(String),
    /// The base key exists and its database does not: creating a new database would hide the loss.
    #[error(
        "the base key {0} is there, but the database {1} is not or is empty; put the database back, or restore a backup \
         (`gatepost restore FILE`). To begin anew under this key run `gatepost migrate` once"
    )]
    DatabaseGone(PathBuf, String),
    /// The base key cannot be read or created.
    #[error("{0}: {1}")]
    SecretFile(PathBuf, String),
    /// Email cannot be sent with these settings.
    #[error(transparent)]
    Mail(#[from] Unsendable),
    /// A thread or a socket could not be created.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// Reads the settings from the named file, or from `gatepost.toml` when no file is named and it exists.
///
/// # Errors
/// When the file cannot be read, or when a setting is invalid.
pub fn settings(file: Option<&Path>) -> Result<Config, ConfigError> {
    let usual = Path::new("gatepost.toml");
    let file = file.or_else(|| usual.exists().then_some(usual));
    config::load(file, config::own_environment()?.into_iter())
}

/// Whether a missing database may be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// Refuse: a wrong setting must not look like a new installation.
    Never,
    /// Create it, unless a base key file shows that a database existed before.
    UnlessKeyed,
    Always,
}

impl Beginning {
    /// Returns the error for a missing database, or `None` when it may be created. A base key that is set by value does
    /// not show that a database existed before.
    fn refusal(self, config: &Config) -> Option<StartError> {
        let database = without_secrets(config.database_url.expose());
        match self {
            Self::Never => Some(StartError::NoDatabase(database)),
            Self::UnlessKeyed if config.secret.is_none() && config.secret_file.exists() => {
                Some(StartError::DatabaseGone(config.secret_file.clone(), database))
            }
            Self::UnlessKeyed | Self::Always => None,
        }
    }
}

/// Opens the database, applies its migrations, and checks that it belongs to the base key.
///
/// # Errors
/// When the database is missing or cannot be used, or when the base key does not match.
pub async fn store(config: &Config, clock: &Clock) -> Result<(Store, BaseKeys), StartError> {
    open(Beginning::Never, config, clock).await
}

/// Opens the database like [`store()`], and creates it when there is none.
///
/// # Errors
/// When the database cannot be used or created, or when the base key does not match.
pub async fn make_store(config: &Config, clock: &Clock) -> Result<(Store, BaseKeys), StartError> {
    open(Beginning::Always, config, clock).await
}

/// Opens the database, applies its migrations, and checks that it belongs to the base key.
async fn open(beginning: Beginning, config: &Config, clock: &Clock) -> Result<(Store, BaseKeys), StartError> {
    id::start(clock.milliseconds());
    // The key file is checked first: another node that starts now creates its key file after the database.
    let refusal = beginning.refusal(config);
    let store = connect(config, refusal).await?;
    store.migrate().await?;
    // A base key is created for a new database only: an existing database needs the key that it was created with.
    let known = store.read(installation::find).await?;
    let keys = base_keys(config, known.is_none())?;
    let (check, now) = (keys.check_value(), clock.now());
    let found = store
        .write(move |tx| match installation::find(tx)? {
            Some(found) => Ok(found.key_check),
            None => {
                let new = Installation { id: Id::from_number(1), key_check: check.clone(), created_at: now };
                installation::insert(tx, &new)?;
                Ok(check.clone())
            }
        })
        .await?;
    if found != keys.check_value() {
        let reason = "this is not the base key that the database was made with; put the right file back".to_owned();
        return Err(StartError::SecretFile(config.secret_file.clone(), reason));
    }
    Ok((store, keys))
}

async fn connect(config: &Config, refusal: Option<StartError>) -> Result<Store, StartError> {
    let url = config.database_url.expose();
    match refusal {
        None => Ok(Store::connect(url, config.database)?),
        Some(refusal) if store::is_missing(url) => Err(refusal),
        Some(refusal) => {
            let store = Store::connect(url, config.database)?;
            if store.read(installation::is_begun).await? { Ok(store) } else { Err(refusal) }
        }
    }
}

/// Opens the store for a command that issues tokens, with the settings for this issuer and these keys.
///
/// # Errors
/// When the database cannot be used, or when the base key does not match.
pub async fn open_with_settings(
    config: &Config,
    clock: &Clock,
    issuer: &str,
) -> Result<(Store, Arc<TokenSettings>), StartError> {
    let (store, keys) = store(config, clock).await?;
    Ok((store, token_settings_of(keys, config, issuer)))
}

fn token_settings_of(keys: BaseKeys, config: &Config, issuer: &str) -> Arc<TokenSettings> {
    let (lifetimes, limits, issuer) = (config.lifetimes, config.token_limits, issuer.to_owned());
    let (self_registration, private_schemes) = (config.self_registration.clone(), config.private_use_schemes.clone());
    Arc::new(TokenSettings { lifetimes, limits, issuer, keys, self_registration, private_schemes })
}

/// Creates the signing keys on the first start, and reads the existing ones.
///
/// # Errors
/// When the keys cannot be read, decrypted or stored.
pub async fn keys(app: &App) -> Result<(), StartError> {
    Ok(app.signer.maintain_keys(&app.store, &app.token_settings, app.now()).await?)
}

/// Opens everything that a running server needs, except its signing keys: see [`keys`].
///
/// # Errors
/// When the database, the base key, the email settings or a thread cannot be used.
pub async fn app(config: Config, clock: Clock, public_url: &Url) -> Result<Data<App>, StartError> {
    let public = PublicUrl::new(public_url);
    let (store, keys) = open(Beginning::UnlessKeyed, &config, &clock).await?;
    store.watch()?;
    let node = Arc::new(NodeLease::take(&store, clock.now(), config.node_id).await?);
    let token_settings = token_settings_of(keys, &config, &public.issuer);
    let hasher = Hasher::start(config.bcrypt_cost, config.hashing_threads)?;
    let mail = Arc::new(Mail::start(
        token_settings.keys.clone(),
        public_url,
        (&config.mail_url, config.mail_from.as_deref()),
    )?);
    let signer = Arc::new(Signer::new(&public.issuer));
    let throttle = Arc::new(Throttle::new(config.rate_limits, &token_settings.keys));
    let (documents, client_keys, sent_forms) = (Documents::default(), ClientKeys::default(), SentForms::default());
    let refusals = Arc::new(Refusals::default());
    let app = App {
        store,
        clock,
        token_settings,
        last_use: Arc::new(LastUse::default()),
        device_polls: Arc::new(DevicePolls::default()),
        mail,
        config,
        public,
        hasher,
        throttle,
        signer,
        documents,
        client_keys,
        refusals,
        sent_forms,
        published: Published::default(),
        readiness: Readiness::default(),
        node,
    };
    Ok(Data::new(app))
}

/// Returns the base key, or `None` when it does not exist yet.
///
/// # Errors
/// When the key file cannot be read, when other users may read it, or when its content is invalid.
pub fn known_base_keys(config: &Config) -> Result<Option<BaseKeys>, StartError> {
    let wrong = |reason: String| StartError::SecretFile(config.secret_file.clone(), reason);
    if let Some(keys) = &config.secret {
        return Ok(Some(keys.clone()));
    }
    match secret_file::read(&config.secret_file) {
        Ok(text) => Ok(Some(BaseKeys::parse(text.expose()).map_err(|error| wrong(error.to_string()))?)),
        Err(Unreadable::Missing) => Ok(None),
        Err(Unreadable::Refused(reason)) => Err(wrong(reason)),
    }
}

/// Reads the base key. On the first start it creates the key file, readable by its owner only.
fn base_keys(config: &Config, may_make: bool) -> Result<BaseKeys, StartError> {
    let file = config.secret_file.as_path();
    let wrong = |reason: String| StartError::SecretFile(file.to_owned(), reason);
    match known_base_keys(config)? {
        Some(keys) => Ok(keys),
        None if !may_make => Err(wrong("the base key of this database is missing; put its file back".to_owned())),
        None => {
            let keys = BaseKeys::generate();
            match make_key_file(file, &keys) {
                Ok(()) => Ok(keys),
                // Another process started at the same moment and created the file first; that file is complete.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => base_keys(config, false),
                Err(error) => Err(wrong(error.to_string())),
            }
        }
    }
}

/// Creates the key file, unless it exists. It is written under another name first, so that no process reads an
/// incomplete file.
fn make_key_file(file: &Path, keys: &BaseKeys) -> std::io::Result<()> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(format!(".{}", random_word()));
    let unfinished = PathBuf::from(unfinished);
    let made = write_key_file(&unfinished, keys).and_then(|()| match std::fs::hard_link(&unfinished, file) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(error),
        // Some file systems have no hard links: there a second process may read an incomplete file, and refuses to
        // start.
        Err(_no_links) => write_key_file(file, keys),
        Ok(()) => Ok(()),
    });
    let removed = std::fs::remove_file(&unfinished);
    made.and(removed)
}

fn write_key_file(file: &Path, keys: &BaseKeys) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut made = options.write(true).create_new(true).mode(0o600).open(file)?;
    made.write_all(keys.to_file().expose().as_bytes())?;
    made.sync_all()
}
