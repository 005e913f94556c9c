//! `gatepost demo`: two people, a sample app that logs them in by both methods, and a sample API that
//! introspects tokens. App and API use the server's HTTP interface only; they know its address and their own
//! credentials.

mod api;
mod app;
mod client;
mod log_in;
mod session;

use std::net::{SocketAddr, TcpListener};

use actix_web::dev::{Server, ServerHandle};
use actix_web::web::Data;
use actix_web::{App as ActixApp, HttpServer};
use aws_lc_rs::rand;

use self::app::Site;
use self::client::{Asking, Credentials};
use self::log_in::Fieldnotes;
use self::session::Sessions;
use super::app::App;
use crate::domain::api::TokenFormat;
use crate::domain::client::ClientType;
use crate::domain::registration::{Draft, FieldProblem};
use crate::domain::secret::Secret;
use crate::domain::user::Role;
use crate::identity::new_user;
use crate::identity::password_hashing::Busy;
use crate::oauth::apis::{self, ApiDraft};
use crate::oauth::clients::{self, By, Registered};
use crate::outcome::{Error, transact};
use crate::store::StoreError;

/// The user names of the people. The app belongs to the last one.
pub const PEOPLE: [&str; 2] = ["alice", "bob"];
/// How long running requests may take when the demo stops, in seconds.
const GRACE: u64 = 1;

/// Why the demo cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The password hasher has no capacity left.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The rules refused a person, the app or the API.
    #[error("{}", .0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join(" "))]
    Refused(Vec<FieldProblem>),
    /// A socket cannot be opened or read.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

impl From<Error<Vec<FieldProblem>>> for DemoError {
    fn from(error: Error<Vec<FieldProblem>>) -> Self {
        match error {
            Error::Refused(problems) => Self::Refused(problems),
            Error::Failed(error) => Self::Store(error),
        }
    }
}

/// The sockets that the app and the API listen on.
pub struct Sockets {
    pub app: TcpListener,
    pub api: TcpListener,
}

/// A running demo beside a running server.
pub struct Demo {
    /// The issuer of the server.
    pub issuer: String,
    pub app_url: String,
    pub api_url: String,
    /// The password that all people share.
    pub password: Secret,
    handles: [ServerHandle; 2],
}

/// Creates the people, registers the app and the API, and starts both. The caller starts the server itself.
///
/// # Errors
/// When the database, a socket or the hasher fails, and when a person is refused, for example
/// because the database already has an `alice` or a `bob`.
pub async fn spawn(app: &Data<App>, sockets: Sockets) -> Result<Demo, DemoError> {
    let issuer = app.public.issuer.clone();
    let (app_url, api_url) = (url_of(sockets.app.local_addr()?), url_of(sockets.api.local_addr()?));
    let password = new_password();
    let (for_app, for_api) = populate(app, &password, (&app_url, &api_url)).await?;
    let handles =
        [start_app(app, sockets.app, (&app_url, &api_url), for_app)?, start_api(&issuer, sockets.api, for_api)?];
    Ok(Demo { issuer, app_url, api_url, password, handles })
}

impl Demo {
    /// Stops the app and the API at once.
    pub async fn stop(self) {
        for handle in self.handles {
            handle.stop(false).await;
        }
    }
}

/// Returns the URL of a socket for a browser on the same device.
pub fn url_of(address: SocketAddr) -> String {
    let is_everywhere = address.ip().is_unspecified();
    let address = if is_everywhere { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address };
    format!("http://{address}")
}

/// Returns a new password of 60 bits: three groups of four characters without ones that look alike.
fn new_password() -> Secret {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 12];
    rand::fill(&mut bytes).expect("because the operating system's randomness is always available");
    let letters = bytes.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Secret::new(letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-"))
}

/// Creates the people, the app and the API in the database. Returns the credentials of the app and the API.
async fn populate(
    app: &App,
    password: &Secret,
    (app_url, api_url): (&str, &str),
) -> Result<(Credentials, Credentials), DemoError> {
    let mut persons = Vec::new();
    for username in PEOPLE {
        let email = format!("{username}@example.com");
        let written = new_user::Credentials { username, email: &email, password: Some(password.expose()) };
        persons.push(new_user::check(written).map_err(DemoError::Refused)?);
    }
    // All people share the password, so one hash is enough.
    let hash = match persons.first() {
        Some(person) => person.hash(&app.hasher).await?,
        None => None,
    };
    let (now, rules) = (app.now(), app.config.registration_rules());
    let (sample_app, sample_api, own_names) = (fieldnotes(app_url), notes(api_url), app.token_settings.own_names());
    let registered = transact(&app.store, move |tx| {
        let mut owner = None;
        for person in &persons {
            owner = Some(new_user::create(tx, now, (person, hash.as_deref()), (Role::Author, true, None))?);
        }
        let owner = owner.expect("because there are people").id;
        let app = clients::register(tx, now, &rules, (By::Operator(owner), sample_app.clone()), None)?;
        let (_, api) = apis::register(tx, now, &own_names, sample_api.clone())?;
        Ok((credentials(app), credentials(api)))
    });
    Ok(registered.await?)
}

fn fieldnotes(app_url: &str) -> Draft {
    Draft {
        redirect_uris: vec![format!("{app_url}{}", log_in::CALLBACK)],
        login_return_urls: vec![format!("{app_url}{}", log_in::SIGNED_IN)],
        ..Draft::new("Fieldnotes", ClientType::Confidential)
    }
}

fn notes(api_url: &str) -> ApiDraft {
    let (identifier, name) = (api_url.to_owned(), "Fieldnotes API".to_owned());
    // The API is first-party, so that introspection answers for user tokens too.
    ApiDraft { identifier, name, scopes: Vec::new(), is_first_party: true, token_format: TokenFormat::Opaque }
}

fn credentials(registered: Registered) -> Credentials {
    let secret = registered.secret.expect("because a confidential client has a secret");
    Credentials { client_id: registered.client.client_id, client_secret: Secret::new(secret.expose()) }
}

fn start_app(
    app: &App,
    socket: TcpListener,
    (app_url, api_url): (&str, &str),
    credentials: Credentials,
) -> Result<ServerHandle, DemoError> {
    let (issuer, clock, sessions) = (app.public.issuer.clone(), app.clock.clone(), Data::new(Sessions::default()));
    let (url, notes_url) = (app_url.to_owned(), format!("{api_url}/notes"));
    let server = HttpServer::new(move || {
        let asking = Asking::new(&issuer, credentials.clone());
        let fieldnotes = Fieldnotes { url: url.clone(), notes_url: notes_url.clone(), asking };
        let site = Site { fieldnotes, sessions: sessions.clone(), clock: clock.clone() };
        ActixApp::new().configure(|config| app::routes(config, Data::new(site)))
    });
    Ok(run(server.workers(1).shutdown_timeout(GRACE).disable_signals().listen(socket)?.run()))
}

fn start_api(issuer: &str, socket: TcpListener, credentials: Credentials) -> Result<ServerHandle, DemoError> {
    let issuer = issuer.to_owned();
    let server = HttpServer::new(move || {
        let asking = Asking::new(&issuer, credentials.clone());
        ActixApp::new().configure(|config| api::routes(config, Data::new(asking)))
    });
    Ok(run(server.workers(1).shutdown_timeout(GRACE).disable_signals().listen(socket)?.run()))
}

fn run(server: Server) -> ServerHandle {
    let handle = server.handle();
    actix_web::rt::spawn(server);
    handle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_easy_to_type_and_new_each_time() {
        let (one, other) = (new_password(), new_password());
        assert_ne!(one.expose(), other.expose());
        let groups: Vec<&str> = one.expose().split('-').collect();
        assert!(groups.len() == 3 && groups.iter().all(|group| group.len() == 4), "{}", one.expose());
    }

    #[test]
    fn a_socket_that_listens_everywhere_is_reached_on_this_device() {
        let url = |address: &str| url_of(address.parse().expect("because it is an address"));
        assert_eq!(url("127.0.0.1:8090"), "http://127.0.0.1:8090");
        assert_eq!(url("0.0.0.0:8090"), "http://127.0.0.1:8090");
        assert_eq!(url("[::1]:8090"), "http://[::1]:8090");
    }
}
