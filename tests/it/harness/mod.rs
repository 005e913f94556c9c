//! A real server per test: the same lines that `gatepost serve` runs, on port 0, with a database of
//! its own and a clock that stands still until the test moves it.

pub mod application;
pub mod authenticator;
pub mod binary;
pub mod browser;
pub mod client_documents;
pub mod client_keys;
pub mod database;
pub mod devices;
pub mod dice;
mod email;
pub mod factors;
pub mod html;
pub mod http;
pub mod jwt;
pub mod keys;
pub mod mailbox;
pub mod pages;
pub mod program;
pub mod queries;
pub mod token_holders;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use aws_lc_rs::rand;
use gatepost::background_jobs;
use gatepost::cli::start;
use gatepost::clock::{Clock, UnixTime};
use gatepost::config;
use gatepost::domain::api::TokenFormat;
use gatepost::domain::client::ClientType;
use gatepost::domain::registration::Draft;
use gatepost::domain::secret::Secret;
use gatepost::domain::session::Origin;
use gatepost::domain::user::{Role, User, fold};
use gatepost::identity::new_user::{self, Credentials};
use gatepost::identity::throttle;
use gatepost::oauth::apis::{self, ApiDraft};
use gatepost::oauth::clients::{self, By, Registered};
use gatepost::outcome::transact;
use gatepost::store::{Database, Result, Store, StoreError, users};
use gatepost::web::app::App;
use gatepost::web::server;
use url::Url;

use application::Application;
use browser::Browser;
use database::TestDatabase;
use http::Http;
use queries::Queries;

/// The password of every person that a test makes.
pub const PASSWORD: &str = "correct horse battery";
/// The work per password: the least that bcrypt knows, so that a test is not spent on it.
const BCRYPT_COST: u32 = 4;
/// When every test begins: 2026-11-21T12:00:00Z.
pub const BEGIN: UnixTime = UnixTime::from_seconds(1_795_262_400);

/// A running server.
pub struct Server {
    /// What runs, for tests that look behind the pages.
    pub app: Data<App>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Sends requests to it.
    pub http: Http,
    handle: ServerHandle,
    thread: Option<thread::JoinHandle<()>>,
    database: Option<TestDatabase>,
}

/// Starts a server with the default settings.
pub async fn spawn() -> Server {
    spawn_with(&[]).await
}

/// Starts a server with settings by their keys, as the operator writes them (`lifetimes.code`).
/// `public_url` may hold `{port}`.
pub async fn spawn_with(settings: &[(&str, &str)]) -> Server {
    spawn_on(TestDatabase::make(), settings).await
}

/// Starts a server whose queries can be heard.
pub async fn spawn_heard(settings: &[(&str, &str)]) -> (Server, Queries) {
    let database = TestDatabase::make();
    let queries = Queries::listen(database.url());
    (spawn_on(database, settings).await, queries)
}

/// Starts a server on a database that is ready for it.
pub async fn spawn_on(database: TestDatabase, settings: &[(&str, &str)]) -> Server {
    let mut server = spawn_beside(&database, settings).await;
    server.database = Some(database);
    server
}

/// Starts a server on somebody else's database.
async fn spawn_beside(database: &TestDatabase, settings: &[(&str, &str)]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("because loopback has a free port");
    let port = listener.local_addr().expect("because it is bound").port();
    let common = [("database_url", database.url()), ("secret_file", database.secret_file()), ("workers", "1")];
    let environment = common.iter().chain(settings).map(|(key, value)| {
        let name = format!("GATEPOST_{}", key.replace('.', "_").to_uppercase());
        (name, value.replace("{port}", &port.to_string()))
    });
    let mut config = config::load(None, environment).expect("because the settings of a test are right");
    config.bcrypt_cost = BCRYPT_COST;
    config.hashing_threads = 1;
    let usual = Url::parse(&format!("http://localhost:{port}")).expect("because it is an address");
    let public_url = config.public_url.clone().unwrap_or(usual);
    // The server has a thread of its own, so that it goes on while a test's thread waits.
    let (started, running) = mpsc::channel();
    let thread = thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = start::app(config, Clock::manual(BEGIN), &public_url).await.expect("because the database is new");
            keys::make(&app).await;
            let running = server::public(&app, listener).expect("because the socket is ours");
            let told = started.send((app, running.address, running.server.handle()));
            told.expect("because the test waits for it");
            running.server.await.expect("because nothing stops it but the test");
        });
    });
    let (app, address, handle) = running.recv().expect("because the server started; its own message is above");
    let http = Http::new(address, &app.public.issuer);
    Server { app, address, http, handle, thread: Some(thread), database: None }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the server's thread panicked");
        }
    }
}

/// A word of letters and digits that nobody can guess.
pub fn random_word(length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = vec![0; length];
    rand::fill(&mut bytes).expect("because the operating system's randomness is always available");
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// A draft of an application as `gatepost client create` makes it: confidential, one https address.
pub fn confidential() -> Draft {
    let redirect_uris = vec!["https://app.example/callback".to_owned()];
    Draft { redirect_uris, ..Draft::new("Map studio", ClientType::Confidential) }
}

/// A draft of an application without a secret.
pub fn public() -> Draft {
    let redirect_uris = vec!["https://spa.example/callback".to_owned()];
    Draft { redirect_uris, ..Draft::new("Map viewer", ClientType::Public) }
}

impl Server {
    /// The issuer, which is also what every address begins with.
    pub fn issuer(&self) -> &str {
        &self.app.public.issuer
    }

    /// The whole address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer())
    }

    /// The time of the server.
    pub fn now(&self) -> UnixTime {
        self.app.now()
    }

    /// Lets time pass.
    pub fn advance(&self, seconds: u32) {
        self.app.clock.advance(seconds);
    }

    /// The SQLite file; nothing on PostgreSQL.
    pub fn sqlite_file(&self) -> Option<&Path> {
        self.database.as_ref().and_then(TestDatabase::sqlite_file)
    }

    /// The database, by its URL: for a second connection of the test's own.
    pub fn database_url(&self) -> &str {
        self.database.as_ref().map(TestDatabase::url).expect("because it is taken only when the server stops")
    }

    /// Stops the server and starts another one on the same database. Its clock begins anew, so it is
    /// moved to where the old one stood.
    pub async fn restart(mut self, settings: &[(&str, &str)]) -> Self {
        let database = self.database.take().expect("because it is taken only here");
        let passed = u32::try_from(self.now().since(BEGIN)).expect("because clocks only move forward");
        drop(self);
        let server = spawn_on(database, settings).await;
        server.advance(passed);
        server
    }

    /// Starts a second node on the same database. Its clock begins anew; it must end before this one.
    pub async fn second_node(&self, settings: &[(&str, &str)]) -> Self {
        let database = self.database.as_ref().expect("because it is taken only when the server stops");
        spawn_beside(database, settings).await
    }

    /// Runs a question on the server's own store.
    pub async fn read<T: Send + 'static>(&self, work: impl FnMut(&mut Database) -> Result<T> + Send + 'static) -> T {
        self.app.store.read(work).await.expect("because the database of a test works")
    }

    /// Runs a change on the server's own store.
    pub async fn write<T: Send + 'static>(&self, work: impl FnMut(&mut Database) -> Result<T> + Send + 'static) -> T {
        let done = self.app.store.write(work).await.expect("because the database of a test works");
        self.know_what_changed().await;
        done
    }

    /// Waits until the server knows what a command, another node or SQL of the test changed of applications, APIs
    /// and keys: on SQLite it does at once, on PostgreSQL within a second.
    pub async fn know_what_changed(&self) {
        know_what_changed(&self.app.store).await;
    }

    /// The same for a test that waits for a command on its own thread.
    pub fn know_what_a_command_changed(&self) {
        let store = self.app.store.clone();
        let waits = thread::spawn(move || actix_web::rt::System::new().block_on(know_what_changed(&store)));
        waits.join().expect("because the change is noticed");
    }

    /// Writes down when tokens were last seen, as the running server does once a second.
    pub async fn flush_uses(&self) {
        background_jobs::flush(&self.app.store, &self.app.last_use).await;
    }

    /// Writes down what failed, as the running server does once a second.
    pub async fn flush_failures(&self) {
        throttle::flush(&self.app.store, &self.app.throttle, self.now()).await;
    }

    /// Writes down what was refused, as the running server does once a second.
    pub async fn flush_refusals(&self) {
        background_jobs::flush_refusals(&self.app.store, &self.app.refusals).await;
    }

    /// Makes a person with a proven address, whose password is [`PASSWORD`].
    pub async fn person(&self, username: &str) -> User {
        self.person_with(username, Role::Author).await
    }

    /// Makes a person of this role.
    pub async fn person_with(&self, username: &str, role: Role) -> User {
        let email = format!("{username}@people.example");
        let written = Credentials { username, email: &email, password: Some(PASSWORD) };
        let person = new_user::check(written).expect("because the names of a test are right");
        let hash = person.hash(&self.app.hasher).await.expect("because nobody else waits");
        let now = self.now();
        let made = transact(&self.app.store, move |tx| {
            new_user::create(tx, now, (&person, hash.as_deref()), (role, true, None))
        });
        made.await.expect("because the name is free")
    }

    /// The person of this name.
    pub async fn person_named(&self, username: &str) -> User {
        let folded = fold(username);
        let found = self.read(move |db| users::find_by_username(db, &folded)).await;
        found.expect("because the test made this person")
    }

    /// A browser that was never here.
    pub fn browser(&self) -> Browser {
        Browser::new(self.http.clone(), &self.app.public.origin)
    }

    /// Makes a person and logs them in by the page.
    pub async fn signed_in(&self, username: &str) -> Browser {
        self.person(username).await;
        let mut browser = self.browser();
        browser.sign_in(username).await;
        browser
    }

    /// Registers an application as the operator does: it counts as verified.
    pub async fn application(&self, draft: Draft) -> Application {
        let owner = self.owner().await;
        self.register(By::Operator(owner.id), draft).await
    }

    /// Registers an application as a person does in the console: nobody vouches for it.
    pub async fn unverified_application(&self, draft: Draft) -> Application {
        let owner = self.owner().await;
        // Nobody but the operator gives an app the name of a verified one.
        let draft = Draft { name: format!("{} of a stranger", draft.name), ..draft };
        self.register(By::Owner(owner.id), draft).await
    }

    /// A new person who owns applications.
    async fn owner(&self) -> User {
        self.person(&format!("owner-{}", random_word(8))).await
    }

    /// Registers an application for somebody.
    pub async fn register(&self, by: By, draft: Draft) -> Application {
        let (now, rules, written) = (self.now(), self.app.config.registration_rules(), draft.clone());
        let made = transact(&self.app.store, move |tx| clients::register(tx, now, &rules, (by, written.clone()), None));
        self.as_application(made.await.expect("because the draft of a test is right"))
    }

    /// Registers a protected API; what comes back introspects with its credentials.
    pub async fn api(&self, identifier: &str, scopes: &[&str], is_first_party: bool) -> Application {
        self.api_with(identifier, scopes, (is_first_party, TokenFormat::Opaque)).await
    }

    /// Registers a protected API whose tokens look like this.
    pub async fn api_with(
        &self,
        identifier: &str,
        scopes: &[&str],
        (is_first_party, token_format): (bool, TokenFormat),
    ) -> Application {
        let now = self.now();
        let draft = ApiDraft {
            identifier: identifier.to_owned(),
            name: "Tiles".to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            is_first_party,
            token_format,
        };
        let made = transact(&self.app.store, move |tx| apis::register(tx, now, &[], draft.clone())).await;
        let (_, registered) = made.expect("because the draft of a test is right");
        self.as_application(registered)
    }

    fn as_application(&self, registered: Registered) -> Application {
        let Registered { client, secret } = registered;
        let secret = secret.map(|secret| Secret::new(secret.expose()));
        Application::new(self.http.clone(), client, secret)
    }

    /// Suspends an application as an operator would, or undoes it.
    pub async fn suspend(&self, application: &Application, is_suspended: bool) {
        let key = application.client.id.number();
        let at = if is_suspended { self.now().seconds().to_string() } else { "NULL".to_owned() };
        let sql = format!("UPDATE clients SET disabled_at = {at} WHERE id = {key}");
        self.write(move |tx| execute(tx, &sql)).await;
    }

    /// Disables a person as an operator would, or undoes it.
    pub async fn disable(&self, person: &User, is_disabled: bool) {
        let (id, at) = (person.id, is_disabled.then(|| self.now()));
        self.write(move |tx| users::set_disabled(tx, id, at)).await;
    }
}

async fn know_what_changed(store: &Store) {
    let begun = Instant::now();
    while store.is_shared() {
        let stored = store.read(Database::stored_edition).await.expect("because the database of a test works");
        let known = store.edition().await.expect("because nothing is asked");
        if known == Some(stored) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the change was never noticed");
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Where nothing in particular comes from.
pub fn somewhere() -> Origin {
    Origin { address: "127.0.0.1".to_owned(), user_agent: "a test".to_owned() }
}

/// Runs SQL on a database of the store, for what no function of the store does.
pub fn execute(tx: &mut Database, sql: &str) -> Result<()> {
    use diesel::RunQueryDsl;
    gatepost::on!(tx, |c| diesel::sql_query(sql).execute(c)).map(drop).map_err(StoreError::from)
}
