//! Starting up: the same lines for `serve`, `demo` and the tests.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::{Condition, DefaultHeaders, Next, from_fn};
use actix_web::web::Data;
use actix_web::{App as ActixApp, HttpServer};

use super::app::App;
use super::{ops, refused, routes};

/// Seconds that an idle connection is kept; longer than the 60 that common proxies keep theirs.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Seconds in which a request's head must arrive.
const HEAD: Duration = Duration::from_secs(10);
/// Seconds that running requests get when the server stops.
const GRACE: u64 = 20;

/// A server that is bound and runs when it is awaited.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What runs.
    pub server: Server,
}

fn first(addresses: &[SocketAddr]) -> std::io::Result<SocketAddr> {
    addresses.first().copied().ok_or_else(|| std::io::Error::other("no address to listen on"))
}

/// Serves the public addresses on sockets that are already bound: `public_url` may need the port.
///
/// # Errors
/// When the socket cannot be listened on.
pub fn public(app: &Data<App>, listener: std::net::TcpListener) -> std::io::Result<Running> {
    let shared = app.clone();
    let server = HttpServer::new(move || {
        let app = shared.clone();
        // RFC 9700 §2.6, FAPI 2.0: once seen over https, never again without.
        let transport = DefaultHeaders::new().add(("Strict-Transport-Security", "max-age=31536000"));
        ActixApp::new()
            .app_data(shared.clone())
            .wrap(Condition::new(app.public.is_https, transport))
            .wrap(from_fn(refused::tell))
            .wrap(from_fn(part))
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

/// While the server stops, each connection ends with its answer, so that its client opens the next one elsewhere.
async fn part(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let is_stopping = request.app_data::<Data<App>>().is_some_and(|app| app.readiness.is_stopping());
    let mut response = next.call(request).await?;
    if is_stopping {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// Serves health and readiness.
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
