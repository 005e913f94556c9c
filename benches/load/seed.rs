//! A database as it stands after a while: applications, people's grants, and tokens in the order in which they were
//! issued. Every token is a real one; of some the text is kept, spread over the whole table.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gatepost::clock::{Clock, UnixTime};
use gatepost::domain::api::TokenFormat;
use gatepost::domain::base_key::BaseKeys;
use gatepost::domain::client::{Client, ClientType, GrantType};
use gatepost::domain::grant::{Grant, GrantKind};
use gatepost::domain::id::Id;
use gatepost::domain::lifetimes::Lifetimes;
use gatepost::domain::registration::{Draft, FieldProblem, Rules};
use gatepost::domain::scope::Scope;
use gatepost::domain::secret::Secret;
use gatepost::domain::self_registration::{ClientDocuments, DynamicRegistration, SelfRegistrationPolicy};
use gatepost::domain::space_separated::SpaceSeparated;
use gatepost::domain::user::{Role, User};
use gatepost::identity::password_hashing::Hasher;
use gatepost::oauth::apis::{self, ApiDraft};
use gatepost::oauth::clients::{self, By, Registered};
use gatepost::oauth::device::{self, Place};
use gatepost::outcome::Error;
use gatepost::store::{Database, DatabaseSettings, Result, Store, StoreError, grants, users};
use gatepost::tokens::new_personal_token::Limits;
use gatepost::tokens::{TokenSettings, issue};

/// The database's file.
pub const DATABASE: &str = "load.db";
/// The base key's file.
pub const SECRET_FILE: &str = "load.secret";

/// The password of every person who logs in.
pub const PASSWORD: &str = "correct horse battery";
/// The address that browsers are sent back to.
pub const CALLBACK: &str = "https://app.example/callback";

/// Tokens whose text is kept.
const KEPT: usize = 2_000;
const CLIENTS: usize = 50;
const GRANTS_PER_CLIENT: usize = 40;
/// Chains of refresh tokens, each of a grant of its own.
const CHAINS: usize = 64;
/// People who log in.
const PEOPLE: usize = 64;
/// The work per password that is the default.
pub const BCRYPT_COST: u32 = 12;
/// Tokens that share one transaction.
const BATCH: usize = 5_000;
/// Everything was issued this many seconds ago, so that no new key meets an old one.
const AGE: i64 = 600;
/// Long enough for the slowest machine.
const ACCESS_LIFETIME: i64 = 86_400;

/// With what a client asks.
#[derive(Clone)]
pub struct Credentials {
    /// Its name.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

/// What the requests are made of.
pub struct Seeded {
    /// The API that introspects.
    pub api: Credentials,
    /// Some of the access tokens.
    pub access_tokens: Vec<String>,
    /// Refresh tokens of confidential clients, which stay the same.
    pub refresh_tokens: Vec<(Credentials, String)>,
    /// The client id of a public client, whose refresh tokens work once.
    pub public_client: String,
    /// Its refresh tokens.
    pub chains: Vec<String>,
    /// Names of people who have a password.
    pub people: Vec<String>,
    /// Clients that act for themselves, and that people log in to.
    pub programs: Vec<Credentials>,
    /// Device codes that wait for their people.
    pub devices: Vec<(Credentials, String)>,
    /// Tokens that tell who their person is.
    pub openid_tokens: Vec<String>,
    /// What made all of it, and knows the server's nonces.
    pub token_settings: Arc<TokenSettings>,
}

/// A database that a server is started on.
pub struct Installation {
    /// The folder of the base key's file, and of the database where it is SQLite.
    pub folder: PathBuf,
    /// The database.
    pub url: String,
}

impl Installation {
    /// A SQLite database in this folder.
    pub fn sqlite(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), url: format!("sqlite://{}", folder.join(DATABASE).display()) }
    }
}

/// Fills a new database with `count` access tokens.
pub async fn seed(installation: &Installation, count: usize) -> Seeded {
    let keys = BaseKeys::generate();
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(installation.folder.join(SECRET_FILE));
    let written = file.and_then(|mut file| file.write_all(keys.to_file().expose().as_bytes()));
    written.expect("because the folder is ours");

    let store = Store::connect(&installation.url, DatabaseSettings::default()).expect("because the folder is ours");
    store.migrate().await.expect("because the database is new");
    let lifetimes = Lifetimes { access: ACCESS_LIFETIME, device: ACCESS_LIFETIME, ..Lifetimes::default() };
    let limits = Limits::default();
    let (issuer, self_registration, private_schemes) = (String::new(), no_self_registration(), Vec::new());
    let token_settings =
        Arc::new(TokenSettings { lifetimes, limits, issuer, keys, self_registration, private_schemes });
    let now = Clock::System.now().plus(-AGE);

    let hasher = Hasher::start(BCRYPT_COST, 1).expect("because a thread can be started");
    let hash = hasher.hash(Secret::new(PASSWORD)).await.expect("because nothing else is hashed");
    let (mut seeded, grants) = {
        let token_settings = Arc::clone(&token_settings);
        store.write(move |tx| furnish(tx, now, &token_settings, &hash)).await.expect("because nothing is in the way")
    };
    let grants = Arc::new(grants);
    for start in (0..count).step_by(BATCH) {
        let (token_settings, grants) = (Arc::clone(&token_settings), Arc::clone(&grants));
        let numbers = start..(start + BATCH).min(count);
        let batch = store.write(move |tx| issue_tokens(tx, now, &token_settings, &grants, (numbers.clone(), count)));
        seeded.access_tokens.extend(batch.await.expect("because nothing is in the way"));
    }
    seeded
}

/// Everything but the access tokens, and the grants that those are of.
fn furnish(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &Arc<TokenSettings>,
    hash: &str,
) -> Result<(Seeded, Vec<Grant>)> {
    let person = person(now, "load", None);
    users::insert(tx, &person)?;
    let people: Vec<String> = (0..PEOPLE).map(|number| format!("person{number}")).collect();
    for name in &people {
        users::insert(tx, &self::person(now, name, Some(hash)))?;
    }
    let (_, api) = apis::register(tx, now, &[], draft("load", TokenFormat::Opaque)).map_err(unexpected)?;
    apis::register(tx, now, &[], draft("signed", TokenFormat::Jwt)).map_err(unexpected)?;
    let (mut all_grants, mut refresh_tokens) = (Vec::new(), Vec::new());
    let (mut programs, mut devices, mut openid_tokens) = (Vec::new(), Vec::new(), Vec::new());
    let longest_login_token = token_settings.lifetimes.login_redirect_max;
    let rules = Rules { longest_login_token, private_schemes: Vec::new(), allow_insecure_http: false };
    for number in 0..CLIENTS {
        let grants = [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials];
        let draft = Draft {
            redirect_uris: vec![CALLBACK.to_owned()],
            grant_types: grants.into_iter().chain([GrantType::DeviceCode]).collect(),
            scope: Some("projects openid load signed".to_owned()),
            ..Draft::new(format!("Load {number}"), ClientType::Confidential)
        };
        let asked = (By::Operator(person.id), draft);
        let registered = clients::register(tx, now, &rules, asked, None).map_err(unexpected)?;
        for _ in 0..GRANTS_PER_CLIENT {
            let grant = grant(now, token_settings, (&person, &registered.client), "projects");
            grants::insert(tx, &grant)?;
            let token = issue::refresh_token(tx, now, token_settings, &grant)?;
            refresh_tokens.push((credentials(&registered), token.expose().to_owned()));
            all_grants.push(grant);
            let device_request =
                device::DeviceRequest { scope: registered.client.scope.clone(), audience: SpaceSeparated::default() };
            let waiting = device::start(tx, now, token_settings, (&registered.client, &device_request, &nowhere()));
            let code = waiting.map_err(|error| StoreError::Unusable(format!("a device was refused: {error:?}")))?;
            devices.push((credentials(&registered), code.device_code.expose().to_owned()));
        }
        let grant = grant(now, token_settings, (&person, &registered.client), "openid");
        grants::insert(tx, &grant)?;
        let issued = issue::access_token(tx, now, token_settings, (&grant, &grant.scope), None)?;
        openid_tokens.push(issued.token.expose().to_owned());
        programs.push(credentials(&registered));
    }
    let public = Draft {
        redirect_uris: vec![CALLBACK.to_owned()],
        grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into_iter().collect(),
        scope: Some("projects".to_owned()),
        ..Draft::new("Load in public".to_owned(), ClientType::Public)
    };
    let public = clients::register(tx, now, &rules, (By::Operator(person.id), public), None).map_err(unexpected)?;
    let mut chains = Vec::new();
    for _ in 0..CHAINS {
        let grant = grant(now, token_settings, (&person, &public.client), "projects");
        grants::insert(tx, &grant)?;
        chains.push(issue::refresh_token(tx, now, token_settings, &grant)?.expose().to_owned());
    }
    let seeded = Seeded {
        api: credentials(&api),
        access_tokens: Vec::new(),
        refresh_tokens,
        public_client: public.client.client_id,
        chains,
        people,
        programs,
        devices,
        openid_tokens,
        token_settings: Arc::clone(token_settings),
    };
    Ok((seeded, all_grants))
}

/// An API with one scope, both of this name.
fn draft(name: &str, token_format: TokenFormat) -> ApiDraft {
    ApiDraft {
        identifier: format!("https://{name}.example"),
        name: format!("{name} API"),
        scopes: vec![format!("{name}: Be measured")],
        is_first_party: token_format == TokenFormat::Opaque,
        token_format,
    }
}

fn issue_tokens(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    grants: &[Grant],
    (numbers, count): (std::ops::Range<usize>, usize),
) -> Result<Vec<String>> {
    let every = (count / KEPT).max(1);
    let mut kept = Vec::new();
    for number in numbers {
        let grant = &grants[number % grants.len()];
        let issued = issue::access_token(tx, now, token_settings, (grant, &grant.scope), None)?;
        if number % every == 0 {
            kept.push(issued.token.expose().to_owned());
        }
    }
    Ok(kept)
}

/// Where devices ask from that nobody looks at.
fn nowhere() -> Place {
    Place { address: "192.0.2.1".to_owned(), network: "192.0.2".to_owned(), user_agent: String::new() }
}

/// No application that is measured registered itself.
fn no_self_registration() -> SelfRegistrationPolicy {
    let (registration, documents) = (DynamicRegistration::Off, ClientDocuments::Off);
    SelfRegistrationPolicy { registration, documents, hosts: Vec::new(), scope: Scope::default() }
}

fn person(now: UnixTime, name: &str, hash: Option<&str>) -> User {
    User {
        id: Id::next(now),
        username: name.to_owned(),
        username_folded: name.to_owned(),
        email: None,
        verified_email_folded: None,
        email_verified_at: None,
        password_digest: hash.map(str::to_owned),
        role: Role::Author,
        disabled_at: None,
        deleted_at: None,
        created_at: now,
        about: None,
        homepage: None,
        allow_contact: true,
        email_folded: None,
    }
}

fn grant(now: UnixTime, token_settings: &TokenSettings, (person, client): (&User, &Client), scope: &str) -> Grant {
    Grant {
        id: Id::next(now),
        kind: GrantKind::AuthorizationCode,
        user_id: Some(person.id),
        client_key: Some(client.id),
        session_id: None,
        return_url: None,
        scope: scope.parse::<Scope>().unwrap_or_default(),
        created_at: now,
        expires_at: Some(now.plus(token_settings.lifetimes.refresh_max)),
        revoked_at: None,
        audience: Default::default(),
        ends_with_session: true,
    }
}

fn credentials(registered: &Registered) -> Credentials {
    let secret = registered.secret.as_ref().expect("because a confidential client has a secret");
    Credentials { client_id: registered.client.client_id.clone(), client_secret: secret.expose().to_owned() }
}

fn unexpected(error: Error<Vec<FieldProblem>>) -> StoreError {
    match error {
        Error::Refused(problems) => StoreError::Unusable(format!("the seed was refused: {problems:?}")),
        Error::Failed(error) => error,
    }
}
