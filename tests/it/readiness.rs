//! Readiness: whether requests can be answered here, writes included.

use actix_web::web::Data;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use gatepost::web::server;
#[cfg(target_os = "linux")]
use rustix::process::{Resource, Rlimit, prlimit};

#[cfg(target_os = "linux")]
use crate::harness::program::{Home, get, until};
use crate::harness::{self, execute};

#[cfg(target_os = "linux")]
fn status(url: &str) -> Option<u16> {
    get(url, "date").map(|(status, _)| status)
}

/// Another program that lets everybody read and nobody write.
fn lock(url: &str) -> Box<dyn FnOnce()> {
    const REASON: &str = "because the database of a test can be opened";
    match url.strip_prefix("sqlite://") {
        Some(file) => {
            let mut connection = SqliteConnection::establish(file).expect(REASON);
            connection.batch_execute("BEGIN IMMEDIATE").expect(REASON);
            Box::new(move || connection.batch_execute("ROLLBACK").expect("because the lock is ours"))
        }
        None => {
            let mut connection = PgConnection::establish(url).expect(REASON);
            connection.batch_execute("BEGIN; LOCK TABLE installation IN EXCLUSIVE MODE").expect(REASON);
            Box::new(move || connection.batch_execute("ROLLBACK").expect("because the lock is ours"))
        }
    }
}

#[actix_web::test]
async fn a_database_that_takes_no_writes_is_not_ready_and_recovers() {
    let server = harness::spawn().await;
    let ops = server::operations(&Data::clone(&server.app), "127.0.0.1:0").expect("because a port is free");
    let (address, handle) = (ops.address, ops.server.handle());
    actix_web::rt::spawn(ops.server);
    let http = awc::Client::builder().timeout(std::time::Duration::from_secs(60)).finish();
    let ask = async |method: &str, path: &str| {
        let method = method.parse().expect("because it is a method");
        let sent = http.request(method, format!("http://{address}{path}")).send().await;
        let mut answer = sent.expect("because it listens");
        let body = answer.body().await.expect("because it is short");
        (answer.status().as_u16(), body.len())
    };
    let becomes = async |wanted: u16| {
        for _ in 0..600 {
            if ask("GET", "/readyz").await.0 == wanted {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("it never was {wanted}");
    };
    assert_eq!(ask("GET", "/readyz").await, (200, 6));
    assert_eq!((ask("HEAD", "/readyz").await, ask("HEAD", "/healthz").await), ((200, 0), (200, 0)));
    assert_eq!(ask("POST", "/readyz").await.0, 405);
    assert_eq!(ask("GET", "/metrics").await.0, 200);
    let unlock = lock(server.database_url());
    becomes(503).await;
    assert_eq!(ask("HEAD", "/readyz").await, (503, 0));
    assert_eq!(ask("GET", "/healthz").await.0, 200, "it lives");
    unlock();
    becomes(200).await;
    // A database that was taken away and put back without its row is not the one that was started on.
    server.write(|tx| execute(tx, "DELETE FROM installation")).await;
    becomes(503).await;
    handle.stop(false).await;
}

/// A file that may not grow is what a full disk is: the write fails.
#[cfg(target_os = "linux")]
#[test]
fn a_server_on_a_full_disk_is_not_ready_and_lives() {
    let home = Home::new();
    if home.sqlite_file().is_none() {
        return; // the disk is the PostgreSQL server's
    }
    let mut server = home.serve();
    let ready = server.ops_url("/readyz");
    assert_eq!(status(&ready), Some(200));
    let limit = |current: Option<u64>| {
        let limit = Rlimit { current, maximum: None };
        prlimit(Some(server.pid()), Resource::Fsize, limit).expect("because the process is ours");
    };
    limit(Some(0));
    until("it is not ready", || status(&ready) == Some(503));
    assert_eq!(status(&server.url("/login")), Some(200), "it still reads");
    assert_eq!(status(&server.ops_url("/healthz")), Some(200));
    limit(None);
    until("it is ready again", || status(&ready) == Some(200));
    assert!(server.is_running());
    server.stop();
}
