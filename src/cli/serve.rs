//! `gatepost serve`: runs the server until it is told to stop.

use std::io::Write;
use std::net::TcpListener;

use actix_web::web::Data;
use url::Url;

use super::{CommandError, start};
use crate::clock::Clock;
use crate::config::Config;
use crate::identity::{set_up, throttle};
use crate::upkeep;
use crate::web::app::App;
use crate::web::server;

/// A socket, and the address that people use to reach it.
///
/// # Errors
/// When the address cannot be listened on.
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

/// Runs the server.
///
/// # Errors
/// Why it could not start, or broke off.
pub async fn run(config: Config) -> Result<(), CommandError> {
    let (listener, url) = bind(&config)?;
    let ops_listen = config.ops_listen.clone();
    let app = start::app(config, Clock::System, &url).await?;
    start::keys(&app).await?;
    let running = server::public(&app, listener)?;
    println!("listening on {}", running.address);
    let mut handles = vec![running.server.handle()];
    let public = actix_web::rt::spawn(running.server);
    if let Some(listen) = ops_listen {
        let running = server::operations(&app, &listen)
            .map_err(|error| CommandError::Refused(format!("cannot listen on {listen} (ops_listen): {error}")))?;
        println!("ops listening on {}", running.address);
        handles.push(running.server.handle());
        actix_web::rt::spawn(running.server);
    }
    offer_set_up(&app).await?;
    println!("ready {}", app.public.issuer);
    std::io::stdout().flush()?;
    let upkeep = actix_web::rt::spawn(upkeep::run(app.house()));
    stop_signal().await?;
    tracing::info!("stopping: running requests are finished first");
    for handle in handles {
        handle.stop(true).await;
    }
    upkeep.abort();
    upkeep::flush(&app.store, &app.mint).await;
    throttle::flush(&app.store, &app.throttle, app.now()).await;
    upkeep::flush_refusals(&app.store, &app.refusals).await;
    public.await.map_err(|error| CommandError::Refused(error.to_string()))??;
    Ok(())
}

/// On an empty database: the link that makes the first administrator, on standard output only.
async fn offer_set_up(app: &Data<App>) -> Result<(), CommandError> {
    if let Some(link) = set_up::make_link(&app.store, app.now()).await? {
        println!("set up the first administrator within an hour: {}/setup?link={}", app.public.issuer, link.expose());
    }
    Ok(())
}

/// Waits for Ctrl-C or SIGTERM.
pub async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
