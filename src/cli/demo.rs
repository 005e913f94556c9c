//! `gatepost demo`: the server, a sample app and a sample API on a temporary database.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use actix_web::dev::ServerHandle;
use actix_web::rt::task::JoinHandle;
use clap::Args;
use url::Url;

use super::stopping::StopSignals;
use super::{CommandError, log, output, start};
use crate::background_jobs;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::domain::secret::sha256_base64url;
use crate::web::{demo, server};

/// The demo. It reads no settings file and leaves nothing behind.
#[derive(Args, Clone, Debug, Default)]
pub struct Demo {
    /// Address and port of the server [default: 127.0.0.1:8080, or a free port when that is taken]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Address and port of the sample app [default: 127.0.0.1:8090, or a free port when that is taken]
    #[arg(long, value_name = "ADDRESS")]
    pub app_listen: Option<String>,
    /// Address and port of the sample API [default: 127.0.0.1:8091, or a free port when that is taken]
    #[arg(long, value_name = "ADDRESS")]
    pub api_listen: Option<String>,
}

/// A running demo, until [`Running::stop`]. Dropping it removes its folder.
pub struct Running {
    pub demo: demo::Demo,
    pub address: std::net::SocketAddr,
    server: ServerHandle,
    background_jobs: JoinHandle<()>,
    folder: Folder,
}

/// Runs the demo until a stop signal arrives.
///
/// # Errors
/// When a socket cannot be bound, or when the server or the samples cannot start.
pub async fn run(arguments: Demo, is_json: bool) -> Result<(), CommandError> {
    let mut stop_signals = StopSignals::new()?;
    let running = tokio::select! {
        () = stop_signals.next() => return Ok(()),
        running = start(&arguments) => running?,
    };
    print_addresses(&running, is_json);
    stop_signals.next().await;
    running.stop().await;
    Ok(())
}

/// Starts the server, the sample app and the sample API.
///
/// # Errors
/// When a socket cannot be bound, or when the server or the samples cannot start.
pub async fn start(arguments: &Demo) -> Result<Running, CommandError> {
    let socket = bind("the server", arguments.listen.as_deref(), "127.0.0.1:8080")?;
    let app_socket = bind("the sample app", arguments.app_listen.as_deref(), "127.0.0.1:8090")?;
    let api_socket = bind("the sample API", arguments.api_listen.as_deref(), "127.0.0.1:8091")?;
    let folder = Folder::new()?;
    let settings = settings(&folder.0)?;
    log::start(settings.log_level);
    // The app uses 127.0.0.1 and the server uses localhost: cookies ignore ports, but not host names.
    let issuer = Url::parse(&format!("http://localhost:{}", socket.local_addr()?.port()));
    let issuer = issuer.map_err(|error| CommandError::Refused(error.to_string()))?;
    let app = start::app(settings, Clock::System, &issuer).await?;
    start::keys(&app).await?;
    let sockets = demo::Sockets { app: app_socket, api: api_socket };
    let demo = demo::spawn(&app, sockets).await.map_err(|error| CommandError::Refused(error.to_string()))?;
    let public = server::public(&app, socket)?;
    let (address, server) = (public.address, public.server.handle());
    actix_web::rt::spawn(public.server);
    let background_jobs = actix_web::rt::spawn(background_jobs::run(app.background_jobs()));
    Ok(Running { demo, address, server, background_jobs, folder })
}

impl Running {
    /// Stops everything at once, without waiting for open requests.
    pub async fn stop(self) {
        self.background_jobs.abort();
        self.demo.stop().await;
        self.server.stop(false).await;
        drop(self.folder);
    }
}

/// Returns the default settings with a temporary database. Only the log settings are read from the environment.
fn settings(folder: &Path) -> Result<Config, CommandError> {
    let file = |name: &str| folder.join(name).display().to_string();
    let own = [
        ("GATEPOST_DATABASE_URL", format!("sqlite://{}", file("gatepost.db"))),
        ("GATEPOST_SECRET_FILE", file("gatepost.secret")),
        ("GATEPOST_OPS_LISTEN", String::new()),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    let log = config::own_environment()?.into_iter().filter(|(name, _)| name.starts_with("GATEPOST_LOG_"));
    Ok(config::load(None, own.chain(log))?)
}

/// Binds the requested address. When the default port is in use, binds a free port instead of failing.
fn bind(who: &str, asked: Option<&str>, usual: &str) -> Result<TcpListener, CommandError> {
    let refused = |address: &str, error: &dyn std::fmt::Display| {
        CommandError::Refused(format!("{who} cannot listen on {address}: {error}"))
    };
    if let Some(address) = asked {
        return TcpListener::bind(address).map_err(|error| refused(address, &error));
    }
    match TcpListener::bind(usual) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let free = TcpListener::bind("127.0.0.1:0").map_err(|error| refused("a free port", &error))?;
            output::remark(&format!("Something else listens on {usual}, so {who} takes {}.", free.local_addr()?));
            Ok(free)
        }
        bound => bound.map_err(|error| refused(usual, &error)),
    }
}

/// Prints the documented lines and the instructions. The demo continues when they cannot be written.
fn print_addresses(running: &Running, is_json: bool) {
    let demo = &running.demo;
    let [first, second] = demo::PEOPLE;
    output::announce("listening on", &running.address.to_string(), is_json);
    output::announce("app", &demo.app_url, is_json);
    output::announce("api", &demo.api_url, is_json);
    output::announce("password", demo.password.expose(), is_json);
    if !is_json {
        let (app, api, issuer) = (&demo.app_url, &demo.api_url, &demo.issuer);
        output::say(&format!(
            "
1. Open {app} in a browser: Fieldnotes, a sample app that logs people in with Gatepost.
2. Log in as {first} or {second}, by either way, with the password above.
3. Let it call the sample API, or call it yourself with the token that it shows:
   curl -H 'Authorization: Bearer TOKEN' {api}/notes
4. See at {issuer}/account what was allowed, and end it.
   Fieldnotes belongs to {second}, who finds it at {issuer}/developer.

Ctrl-C stops the demo and removes all of it."
        ));
    }
    output::announce("ready", &demo.issuer, is_json);
}

/// A temporary folder with mode 0700; dropping it removes the folder.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let mut bytes = [0; 16];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_unspecified| std::io::Error::other("no randomness"))?;
        let name = format!("gatepost-demo-{}", &sha256_base64url(&bytes)[..16]);
        let folder = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "the demo's folder could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn on_free_ports() -> Demo {
        let free = || Some("127.0.0.1:0".to_owned());
        Demo { listen: free(), app_listen: free(), api_listen: free() }
    }

    #[actix_web::test]
    async fn the_app_and_the_api_take_nothing_that_gatepost_did_not_give() {
        let running = start(&on_free_ports()).await.expect("because free ports are enough");
        let folder = running.folder.0.clone();
        let (http, notes) = (awc::Client::default(), format!("{}/notes", running.demo.api_url));
        let challenge = async |request: awc::ClientRequest| {
            let answer = request.send().await.expect("because the API runs");
            let challenge = answer.headers().get("www-authenticate").and_then(|value| value.to_str().ok());
            (answer.status().as_u16(), challenge.unwrap_or_default().to_owned())
        };
        assert_eq!(challenge(http.get(&notes)).await, (401, "Bearer".to_owned()));
        let invented = challenge(http.get(&notes).bearer_auth("invented")).await;
        assert_eq!(invented, (401, "Bearer error=\"invalid_token\"".to_owned()));
        let browser = awc::Client::builder().disable_redirects().finish();
        for answer in ["callback?code=invented&state=invented", "signed-in?token=invented&state=invented"] {
            let planted = browser.get(format!("{}/{answer}", running.demo.app_url)).send();
            let answered = planted.await.expect("because the app runs");
            let cookie =
                answered.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok()?.split(';').next());
            let cookie = cookie.expect("because the app has something to say");
            let page = browser.get(&running.demo.app_url).insert_header(("cookie", cookie)).send();
            let page = page.await.expect("because the app runs").body().await.expect("because the page is short");
            let page = String::from_utf8_lossy(&page);
            assert!(page.contains("This log-in did not begin in this browser"), "{answer}: {page}");
        }
        running.stop().await;
        assert!(!folder.exists());
    }

    #[test]
    fn a_taken_usual_port_gives_way_and_a_taken_port_that_was_asked_for_does_not() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("because some port is free");
        let address = taken.local_addr().expect("because it is bound").to_string();
        let other = bind("the server", None, &address).expect("because another port is free");
        assert_ne!(other.local_addr().expect("because it is bound").to_string(), address);
        let error = bind("the server", Some(&address), "127.0.0.1:0").expect_err("because it was asked for");
        assert!(error.to_string().starts_with(&format!("the server cannot listen on {address}: ")), "{error}");
    }

    #[test]
    fn the_folder_is_its_owners_alone_and_goes_away() {
        let folder = Folder::new().expect("because the system has a temporary folder");
        let path = folder.0.clone();
        let mode = std::fs::metadata(&path).expect("because it was just made").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        std::fs::write(path.join("file"), "x").expect("because the folder is ours");
        drop(folder);
        assert!(!path.exists());
    }
}
