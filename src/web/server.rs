//! Starts the HTTP servers, with the same code for `serve`, `demo` and the tests.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::web::Data;
use actix_web::{App as ActixApp, HttpServer};

use super::app::App;
use super::every_answer::EveryAnswer;
use super::{ops, routes};

/// How long an idle connection is kept; longer than the 60 seconds of common proxies.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// The time limit for the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// How long running requests may take when the server stops, in seconds.
const GRACE: u64 = 20;

/// A bound server, which runs while it is awaited.
pub struct Running {
    /// The address that it listens on.
    pub address: SocketAddr,
    pub server: Server,
}

fn first(addresses: &[SocketAddr]) -> std::io::Result<SocketAddr> {
    addresses.first().copied().ok_or_else(|| std::io::Error::other("no address to listen on"))
}

/// Serves the public addresses on a socket that is already bound, because `public_url` may need its port.
///
/// # Errors
/// When the socket cannot be listened on.
pub fn public(app: &Data<App>, listener: std::net::TcpListener) -> std::io::Result<Running> {
    let shared = app.clone();
    let server = HttpServer::new(move || {
        let app = shared.clone();
        ActixApp::new()
            .app_data(shared.clone())
            .wrap(EveryAnswer(shared.clone()))
            .configure(move |config| routes::routes(config, &app))
    });
    let server = server
        .workers(app.config.workers)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD)
        .shutdown_timeout(GRACE)
        .max_connections(25_000)
        .disable_signals()
        .listen(listener)?;
    Ok(Running { address: first(&server.addrs())?, server: server.run() })
}

/// Serves health, readiness and metrics.
///
/// # Errors
/// When the address cannot be listened on.
pub fn operations(app: &Data<App>, listen: &str) -> std::io::Result<Running> {
    let shared = app.clone();
    let server = HttpServer::new(move || ActixApp::new().app_data(shared.clone()).configure(ops::routes))
        .workers(1)
        .disable_signals()
        .bind(listen)?;
    Ok(Running { address: first(&server.addrs())?, server: server.run() })
}
