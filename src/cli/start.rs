//! Opening what every command needs: settings, the base key, the database. The tests use it too.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::web::Data;
use url::Url;

use crate::clock::Clock;
use crate::config::{self, Config, ConfigError};
use crate::domain::base_key::BaseKeys;
use crate::domain::id::{self, Id, Node};
use crate::domain::installation::Installation;
use crate::identity::password_hashing::Hasher;
use crate::identity::throttle::Throttle;
use crate::mail::Mail;
use crate::mail::transport::Unsendable;
use crate::oauth::refusals::Refusals;
use crate::oauth::signing::Signer;
use crate::store::{Store, StoreError, installation};
use crate::tokens::Mint;
use crate::tokens::last_use::LastUse;
use crate::tokens::pace::Pace;
use crate::web::app::{App, PublicUrl};
use crate::web::oauth::client_document::Documents;
use crate::web::oauth::client_keys::ClientKeys;
use crate::web::once::Once;

/// Why nothing could be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The base key cannot be read or made.
    #[error("{0}: {1}")]
    SecretFile(PathBuf, String),
    /// Letters cannot be sent with these settings.
    #[error(transparent)]
    Mail(#[from] Unsendable),
    /// Threads or sockets.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// The settings: of the file that is named, else of `gatepost.toml` if there is one.
///
/// # Errors
/// What cannot be used.
pub fn settings(file: Option<&Path>) -> Result<Config, ConfigError> {
    let usual = Path::new("gatepost.toml");
    let file = file.or_else(|| usual.exists().then_some(usual));
    config::load(file, std::env::vars())
}

/// Opens the database for a command, which may run beside the servers: its keys are none of theirs.
///
/// # Errors
/// Why it cannot be used.
pub async fn store(config: &Config, clock: &Clock) -> Result<(Store, BaseKeys), StartError> {
    open(Node::Command, config, clock).await
}

/// Opens the database, applies its migrations, and makes sure that it belongs to the base key.
async fn open(node: Node, config: &Config, clock: &Clock) -> Result<(Store, BaseKeys), StartError> {
    id::start(node, clock.milliseconds());
    let store = Store::connect(&config.database_url)?;
    store.migrate().await?;
    // A key is made with a new database only: under an older one it would be the wrong one.
    let known = store.read(installation::find).await?;
    let keys = base_keys(&config.secret_file, known.is_none())?;
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

/// Opens the store for a command with what is needed to make tokens of this issuer and keys.
///
/// # Errors
/// Why it cannot be used.
pub async fn mint(config: &Config, clock: &Clock, issuer: &str) -> Result<(Store, Arc<Mint>), StartError> {
    let (store, keys) = store(config, clock).await?;
    Ok((store, mint_with(keys, config, issuer)))
}

fn mint_with(keys: BaseKeys, config: &Config, issuer: &str) -> Arc<Mint> {
    let (lifetimes, limits, issuer) = (config.lifetimes, config.token_limits, issuer.to_owned());
    let (last_use, pace, strangers) = (LastUse::default(), Pace::default(), config.strangers.clone());
    let private_schemes = config.private_use_schemes.clone();
    Arc::new(Mint { lifetimes, limits, issuer, keys, last_use, pace, strangers, private_schemes })
}

/// Makes the signing keys of a first start, and reads those that there are.
///
/// # Errors
/// Why they cannot be used.
pub async fn keys(app: &App) -> Result<(), StartError> {
    Ok(app.signer.tend(&app.store, &app.mint, app.now()).await?)
}

/// Opens everything that a running server needs but its signing keys, see [`keys`].
///
/// # Errors
/// Why it cannot run.
pub async fn app(config: Config, clock: Clock, public_url: &Url) -> Result<Data<App>, StartError> {
    let public = PublicUrl::new(public_url);
    let (store, keys) = open(Node::Server(config.node_id), &config, &clock).await?;
    let mint = mint_with(keys, &config, &public.issuer);
    let hasher = Hasher::start(config.bcrypt_cost, config.hashing_threads)?;
    let mail = Arc::new(Mail::start(mint.keys.clone(), public_url, (&config.mail_url, config.mail_from.as_deref()))?);
    let signer = Arc::new(Signer::new(&public.issuer));
    let throttle = Arc::new(Throttle::new(config.rate_limits, &mint.keys));
    let (documents, client_keys, once) = (Documents::default(), ClientKeys::default(), Once::default());
    let refusals = Arc::new(Refusals::default());
    let app = App {
        store,
        clock,
        mint,
        mail,
        config,
        public,
        hasher,
        throttle,
        signer,
        documents,
        client_keys,
        refusals,
        once,
    };
    Ok(Data::new(app))
}

/// Reads the base key; makes it on the first start, for its owner's eyes only.
fn base_keys(file: &Path, may_make: bool) -> Result<BaseKeys, StartError> {
    let wrong = |reason: String| StartError::SecretFile(file.to_owned(), reason);
    match std::fs::metadata(file) {
        Ok(metadata) if metadata.mode() & 0o077 != 0 => {
            Err(wrong("others can read this file; run chmod 600 on it".to_owned()))
        }
        Ok(_) => {
            let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
            BaseKeys::parse(&text).map_err(|error| wrong(error.to_string()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !may_make => {
            Err(wrong("the base key of this database is missing; put its file back".to_owned()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let keys = BaseKeys::generate();
            let mut options = std::fs::OpenOptions::new();
            let made = options.write(true).create_new(true).mode(0o600).open(file).and_then(|mut made| {
                made.write_all(keys.to_file().expose().as_bytes())?;
                made.sync_all()
            });
            made.map_err(|error| wrong(error.to_string()))?;
            Ok(keys)
        }
        Err(error) => Err(wrong(error.to_string())),
    }
}
