//! Health, readiness and metrics, on an address of their own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig, get, head, resource};
use tokio::sync::Mutex;

use super::app::App;
use crate::store::batch_sizes::BOUNDS;
use crate::store::{Store, installation};

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer of the database is good for, however many ask.
const KEPT: Duration = Duration::from_secs(1);

/// Whether requests may be sent here.
#[derive(Default)]
pub struct Readiness {
    is_stopping: AtomicBool,
    last: Mutex<Option<Probe>>,
}

/// What the database last said.
struct Probe {
    at: Instant,
    can_write: bool,
}

impl Readiness {
    /// From now on no more requests should come.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
    }

    /// Whether the server is about to stop.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// Whether the database takes a write: a full or read-only disk, a lock that stays and a standby still read.
    async fn can_write(&self, store: &Store) -> bool {
        let mut last = self.last.lock().await;
        if let Some(probe) = last.as_ref().filter(|probe| probe.at.elapsed() < KEPT) {
            return probe.can_write;
        }
        let written = tokio::time::timeout(PATIENCE, store.write(installation::probe)).await;
        let can_write = matches!(written, Ok(Ok(true)));
        *last = Some(Probe { at: Instant::now(), can_write });
        can_write
    }
}

/// The addresses of `ops_listen`.
pub fn routes(config: &mut ServiceConfig) {
    config.service(resource("/healthz").route(get().to(healthy)).route(head().to(healthy)));
    config.service(resource("/metrics").route(get().to(metrics)));
    config.service(resource("/readyz").route(get().to(ready)).route(head().to(ready)));
}

async fn healthy() -> HttpResponse {
    HttpResponse::Ok().body("ok\n")
}

/// What is counted, as Prometheus reads it (text format 0.0.4).
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

/// Ready when the database takes a write in its own tables: its migrations are applied, and it is not full.
async fn ready(app: Data<App>) -> HttpResponse {
    if app.readiness.is_stopping() {
        return HttpResponse::ServiceUnavailable().body("the server is stopping\n");
    }
    match app.readiness.can_write(&app.store).await {
        true => HttpResponse::Ok().body("ready\n"),
        false => HttpResponse::ServiceUnavailable().body("the database does not answer, or takes no writes\n"),
    }
}
