//! `gatepost serve`: runs the server until a stop signal arrives.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use actix_web::web::Data;
use url::Url;

use super::stopping::{self, StopSignals};
use super::{CommandError, output, start};
use crate::background_jobs;
use crate::clock::Clock;
use crate::config::Config;
use crate::identity::{set_up, throttle};
use crate::mail::transport::Transport;
use crate::web::app::App;
use crate::web::server;

/// Binds the socket, and returns it with the public URL.
///
/// # Errors
/// When the address cannot be bound.
pub fn bind(config: &Config) -> Result<(TcpListener, Url), CommandError> {
    let listener = TcpListener::bind(&config.listen)
        .map_err(|error| CommandError::Refused(format!("cannot listen on {}: {error}", config.listen)))?;
    let port = listener.local_addr()?.port();
    let url = match &config.public_url {
        Some(url) => url.clone(),
        None => {
            Url::parse(&format!("http://localhost:{port}")).map_err(|error| CommandError::Refused(error.to_string()))?
        }
    };
    Ok((listener, url))
}

/// Checks whether [`run`] would accept these settings. Needs no database, and works while a server is running.
///
/// # Errors
/// The first setting that [`run`] would refuse.
pub fn check(config: &Config) -> Result<(), CommandError> {
    for (key, text) in [("listen", Some(&config.listen)), ("ops_listen", config.ops_listen.as_ref())] {
        let Some(text) = text else { continue };
        let refused =
            |error: std::io::Error| CommandError::Refused(format!("cannot listen on {text} ({key}): {error}"));
        match TcpListener::bind(text) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {} // a running server uses the address
            bound => drop(bound.map_err(refused)?),
        }
    }
    let usual =
        "http://localhost".parse().map_err(|error: url::ParseError| CommandError::Refused(error.to_string()))?;
    let public_url = config.public_url.as_ref().unwrap_or(&usual);
    Transport::start(&config.mail_url, config.mail_from.as_deref(), public_url).map_err(start::StartError::from)?;
    start::known_base_keys(config)?;
    let database = config.database_url.expose().strip_prefix("sqlite://").map(Path::new);
    let secret = config.secret.is_none().then_some(config.secret_file.as_path());
    for (key, file) in [("database_url", database), ("secret_file", secret)] {
        let Some(file) = file else { continue };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let reason = match (file.is_dir(), folder.is_dir()) {
            (true, _) => "is a folder",
            (false, false) => "cannot be opened, since its folder is not there",
            (false, true) => continue,
        };
        return Err(CommandError::Refused(format!("{} ({key}) {reason}", file.display())));
    }
    Ok(())
}

/// Runs the server until a stop signal arrives, then stops it after the `drain` period.
///
/// # Errors
/// When the server cannot start, or when it stops because of an error.
pub async fn run(config: Config, is_json: bool) -> Result<(), CommandError> {
    stopping::survive()?;
    check(&config)?;
    let (listener, url) = bind(&config)?;
    let ops_listen = config.ops_listen.clone();
    let app = start::app(config, Clock::System, &url).await?;
    start::keys(&app).await?;
    let mut stop_signals = StopSignals::new()?;
    let running = server::public(&app, listener)?;
    output::announce("listening on", &running.address.to_string(), is_json);
    let mut handles = vec![running.server.handle()];
    let public = actix_web::rt::spawn(running.server);
    if let Some(listen) = ops_listen {
        let running = server::operations(&app, &listen)
            .map_err(|error| CommandError::Refused(format!("cannot listen on {listen} (ops_listen): {error}")))?;
        output::announce("ops listening on", &running.address.to_string(), is_json);
        handles.push(running.server.handle());
        actix_web::rt::spawn(running.server);
    }
    offer_set_up(&app, is_json).await?;
    output::announce("ready", &app.public.issuer, is_json);
    let background_jobs = actix_web::rt::spawn(background_jobs::run(app.background_jobs()));
    stop_signals.next().await;
    app.readiness.stop();
    let drain = app.config.drain;
    tracing::info!("stopping: new connections are answered for {drain} more seconds; the same signal again ends that");
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(drain)) => {}
        () = stop_signals.next() => {}
    }
    tracing::info!("stopping: running requests are finished");
    for handle in handles {
        handle.stop(true).await;
    }
    background_jobs.abort();
    background_jobs::flush(&app.store, &app.last_use).await;
    throttle::flush(&app.store, &app.throttle, app.now()).await;
    background_jobs::flush_refusals(&app.store, &app.refusals).await;
    if let Err(error) = app.node.give_back(&app.store, app.now()).await {
        tracing::warn!(%error, "the number of this server could not be given back; its lease ends by itself");
    }
    if let Err(error) = app.store.fold_log() {
        tracing::warn!(%error, "the write-ahead log stays beside the database; it is needed until the next start");
    }
    public.await.map_err(|error| CommandError::Refused(error.to_string()))??;
    Ok(())
}

/// On an empty database, prints the link that creates the first administrator, on standard output only.
async fn offer_set_up(app: &Data<App>, is_json: bool) -> Result<(), CommandError> {
    if let Some(link) = set_up::make_link(&app.store, app.now()).await? {
        let link = format!("{}/setup?link={}", app.public.issuer, link.expose());
        match is_json {
            true => output::announce("set up", &link, true),
            false => output::announce("set up the first administrator within an hour:", &link, false),
        }
    }
    Ok(())
}
