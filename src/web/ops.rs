//! Health and readiness, on an address of their own.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig, get, resource};

use super::app::App;
use crate::store::installation;

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The addresses of `ops_listen`.
pub fn routes(config: &mut ServiceConfig) {
    config.service(resource("/healthz").route(get().to(healthy))).service(resource("/readyz").route(get().to(ready)));
}

async fn healthy() -> HttpResponse {
    HttpResponse::Ok().body("ok\n")
}

/// Ready when the database answers and knows its key: its migrations are applied.
async fn ready(app: Data<App>) -> HttpResponse {
    match tokio::time::timeout(PATIENCE, app.store.read(installation::find)).await {
        Ok(Ok(Some(_))) => HttpResponse::Ok().body("ready\n"),
        _ => HttpResponse::ServiceUnavailable().body("the database does not answer\n"),
    }
}
