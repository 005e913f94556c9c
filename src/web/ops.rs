//! Health, readiness and metrics, at a separate listen address.

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig, get, head, resource};

use super::app::App;
use crate::store::batch_sizes::BOUNDS;

/// Registers the routes of `ops_listen`.
pub fn routes(config: &mut ServiceConfig) {
    config.service(resource("/healthz").route(get().to(healthy)).route(head().to(healthy)));
    config.service(resource("/metrics").route(get().to(metrics)));
    config.service(resource("/readyz").route(get().to(ready)).route(head().to(ready)));
}

async fn healthy() -> HttpResponse {
    HttpResponse::Ok().body("ok\n")
}

/// `GET /metrics`: responds with the counters for Prometheus (text format 0.0.4).
async fn metrics(app: Data<App>) -> HttpResponse {
    const NAME: &str = "gatepost_write_batch_size";
    let counts = app.store.batch_counts();
    let mut text = format!("# HELP {NAME} Writes that shared one commit.\n# TYPE {NAME} histogram\n");
    let (mut batches, bounds) = (0, BOUNDS.iter().map(u64::to_string).chain(["+Inf".to_owned()]));
    for (class, bound) in counts.classes.iter().zip(bounds) {
        batches += class;
        text.push_str(&format!("{NAME}_bucket{{le=\"{bound}\"}} {batches}\n"));
    }
    text.push_str(&format!("{NAME}_sum {}\n{NAME}_count {batches}\n", counts.writes));
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text)
}

/// `GET /readyz`: the server is ready when the database accepts a write in its own tables, which shows that
/// its migrations are applied and its disk is not full.
async fn ready(app: Data<App>) -> HttpResponse {
    if app.readiness.is_stopping() {
        return HttpResponse::ServiceUnavailable().body("the server is stopping\n");
    }
    match app.readiness.can_write(&app.store).await {
        true => HttpResponse::Ok().body("ready\n"),
        false => HttpResponse::ServiceUnavailable().body("the database does not answer, or takes no writes\n"),
    }
}
