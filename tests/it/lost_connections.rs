//! PostgreSQL that goes away, hangs, or closes what is idle: the next request is answered on a new connection,
//! and nobody waits for ever. On SQLite there is nothing to lose.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query, sql_types};
use futures_util::future::join_all;
use gatepost::cli::start;
use gatepost::clock::Clock;
use gatepost::store::{Database, DatabaseSettings, Store, StoreError};
use url::Url;

use crate::harness::pages::count_in;
use crate::harness::{self, BEGIN, Server, confidential};

#[derive(QueryableByName)]
struct Process {
    #[diesel(sql_type = sql_types::Integer)]
    pid: i32,
}

fn process(db: &mut Database) -> Result<i32, StoreError> {
    let row: Process = gatepost::on!(db, |c| sql_query("SELECT pg_backend_pid() AS pid").get_result(c))?;
    Ok(row.pid)
}

/// The server processes of several connections that the store keeps.
pub async fn processes(server: &Server) -> Vec<i32> {
    let asked = join_all((0..8).map(|_| {
        server.app.store.read(|db| {
            std::thread::sleep(Duration::from_millis(50)); // so that each needs a connection of its own
            process(db)
        })
    }));
    let mut found: Vec<i32> = asked.await.into_iter().map(|pid| pid.expect("because the database works")).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Ends server processes, and waits until they are gone.
pub fn terminate(server: &Server, processes: &[i32]) {
    let mut connection = PgConnection::establish(server.database_url()).expect("because the database works");
    for pid in processes {
        connection.batch_execute(&format!("SELECT pg_terminate_backend({pid})")).expect("because they are ours");
    }
    for pid in processes {
        let begun = Instant::now();
        let is_there = format!("SELECT pid FROM pg_stat_activity WHERE pid = {pid}");
        while sql_query(&is_there).load::<Process>(&mut connection).is_ok_and(|rows| !rows.is_empty()) {
            assert!(begun.elapsed() < Duration::from_secs(60), "the process {pid} does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

async fn on_postgres(settings: &[(&str, &str)]) -> Option<Server> {
    let server = harness::spawn_with(settings).await;
    server.sqlite_file().is_none().then_some(server)
}

#[actix_web::test]
async fn when_the_database_closes_every_connection_the_next_requests_are_answered() {
    let Some(server) = on_postgres(&[]).await else { return };
    let app = server.application(confidential()).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    for round in 0..3 {
        let before = processes(&server).await;
        assert!(before.len() >= 2, "{before:?}");
        terminate(&server, &before);
        assert_eq!(server.account_status(&tokens.access_token).await, 200, "a read, round {round}");
        terminate(&server, &processes(&server).await);
        app.refresh(tokens.refresh()).await.expect("because a write that did not begin is begun again");
    }
}

#[actix_web::test]
async fn a_write_whose_connection_is_lost_before_its_commit_is_run_again_and_kept_once() {
    let Some(server) = on_postgres(&[]).await else { return };
    server.write(|tx| harness::execute(tx, "CREATE TABLE marks (number BIGINT NOT NULL)")).await;
    let url = server.database_url().to_owned();
    let mut runs = 0;
    let written = server.app.store.write(move |tx| {
        runs += 1;
        harness::execute(tx, "INSERT INTO marks (number) VALUES (1)")?;
        if runs == 1 {
            let mut other = PgConnection::establish(&url).expect("because the database works");
            let end = format!("SELECT pg_terminate_backend({})", process(tx)?);
            other.batch_execute(&end).expect("because it is ours");
            std::thread::sleep(Duration::from_millis(50));
        }
        harness::execute(tx, "INSERT INTO marks (number) VALUES (2)")?;
        Ok(runs)
    });
    assert!(matches!(written.await, Ok(2)));
    assert_eq!(server.count("marks").await, 2);
}

#[actix_web::test]
async fn a_connection_on_which_something_failed_is_never_used_again() {
    let Some(server) = on_postgres(&[("database.pool", "1")]).await else { return };
    let before = server.read(process).await;
    assert_eq!(server.read(process).await, before, "one that works is kept");
    let failed = server.app.store.read(|db| count_in(db, "no_such_table")).await;
    assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
    assert_ne!(server.read(process).await, before);
}

#[actix_web::test]
async fn whoever_waits_too_long_for_a_connection_is_told_so() {
    let Some(server) = on_postgres(&[("database.pool", "1"), ("database.pool_wait", "1")]).await else { return };
    let (store, (held, holds), (go, wait)) = (server.app.store.clone(), mpsc::channel(), mpsc::channel::<()>());
    let wait = std::sync::Mutex::new(wait);
    let holder = actix_web::rt::spawn(async move {
        let held = std::sync::Mutex::new(held);
        store
            .read(move |_| {
                drop(held.lock().map(|held| held.send(())));
                drop(wait.lock().map(|wait| wait.recv_timeout(Duration::from_secs(60))));
                Ok(())
            })
            .await
    });
    while holds.try_recv().is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let late = server.app.store.read(process).await;
    assert!(matches!(late, Err(StoreError::Overloaded)), "{late:?}");
    drop(go);
    assert!(matches!(holder.await, Ok(Ok(()))));
    server.read(process).await;
}

#[actix_web::test]
async fn without_prepared_statements_everything_works_and_none_is_named() {
    let Some(server) = on_postgres(&[("database.prepared_statements", "false")]).await else { return };
    let app = server.application(confidential()).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    app.refresh(tokens.refresh()).await.expect("because it is new");
    for _ in 0..20 {
        let named = server.read(|db| count_in(db, "pg_prepared_statements")).await;
        assert_eq!(named, 0);
    }
    let timeouts = server
        .read(|db| {
            let set = "SELECT count(*)::INTEGER AS pid FROM pg_settings WHERE (name, setting) IN \
                       (('statement_timeout', '30000'), ('lock_timeout', '5000'))";
            let row: Process = gatepost::on!(db, |c| sql_query(set).get_result(c))?;
            Ok(row.pid)
        })
        .await;
    assert_eq!(timeouts, 2, "deadlines hold without a session too");
}

/// Something listens and never says a word, as a firewall or a stopped process does.
#[actix_web::test]
async fn a_database_that_never_answers_is_given_up_in_time() {
    let folder = tempfile::tempdir().expect("because the system has a temporary folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("because loopback has a free port");
    let port = listener.local_addr().expect("because it is bound").port();
    let named = [
        ("GATEPOST_DATABASE_URL".to_owned(), format!("postgres://nobody@127.0.0.1:{port}/x")),
        ("GATEPOST_SECRET_FILE".to_owned(), folder.path().join("key").display().to_string()),
        ("GATEPOST_DATABASE_CONNECT_TIMEOUT".to_owned(), "2".to_owned()),
    ];
    let config = gatepost::config::load(None, named.into_iter()).expect("because the settings are right");
    assert_eq!(config.database, DatabaseSettings { connect_timeout: 2, ..DatabaseSettings::default() });
    let begun = Instant::now();
    let failed = start::make_store(&config, &Clock::manual(BEGIN)).await.map(drop);
    let said = failed.expect_err("because nothing answers").to_string();
    assert!(said.contains("PostgreSQL cannot be used"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(60), "it took {:?}", begun.elapsed());
}

/// A port that leads to PostgreSQL until it is closed, and then refuses whoever comes.
struct Gate {
    port: u16,
    is_closed: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    listening: JoinHandle<()>,
}

impl Gate {
    fn open(port: u16, target: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("because the port is free");
        let port = listener.local_addr().expect("because it is bound").port();
        let (is_closed, streams) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (target, closed, kept) = (target.to_owned(), is_closed.clone(), streams.clone());
        let listening = thread::spawn(move || {
            for near in listener.incoming() {
                if closed.load(Ordering::SeqCst) {
                    break;
                }
                let near = near.expect("because somebody came");
                let far = TcpStream::connect(&target).expect("because the database works");
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (mut from, mut to) = (copy_of(from), copy_of(to));
                    thread::spawn(move || {
                        drop(std::io::copy(&mut from, &mut to));
                        drop(to.shutdown(Shutdown::Both));
                    });
                }
                kept.lock().expect("because nobody panics").extend([near, far]);
            }
        });
        Self { port, is_closed, streams, listening }
    }

    fn close(self) {
        self.is_closed.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port))); // so that it stops to listen
        self.listening.join().expect("because it ends");
        for stream in self.streams.lock().expect("because nobody panics").drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

fn copy_of(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("because there are descriptors left")
}

#[actix_web::test]
async fn while_the_database_is_down_requests_are_refused_at_once_and_answered_as_soon_as_it_is_back() {
    let Some(server) = on_postgres(&[]).await else { return };
    let mut url = Url::parse(server.database_url()).expect("because it is a URL");
    let target = format!("{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or(5_432));
    let gate = Gate::open(0, &target);
    let port = gate.port;
    url.set_host(Some("127.0.0.1")).expect("because it has a host");
    url.set_port(Some(port)).expect("because it has a host");
    // A request that waited for the pool would wait for this long.
    let settings = DatabaseSettings { connect_timeout: 120, ..DatabaseSettings::default() };
    let store = Store::connect(url.as_str(), settings).expect("because the database works");
    store.read(process).await.expect("because the database works");
    gate.close();
    let begun = Instant::now();
    for attempt in 0..20 {
        let refused = join_all((0..4).map(|_| store.read(process))).await;
        assert!(refused.iter().all(|one| matches!(one, Err(StoreError::Unavailable(_)))), "{attempt}: {refused:?}");
        let refused = store.write(process).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{attempt}: {refused:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "it took {:?}", begun.elapsed());
    let gate = Gate::open(port, &target);
    let begun = Instant::now();
    // What failed slowly is not tried again for twice its time.
    while let Err(error) = store.read(process).await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    store.write(process).await.expect("because it is connected again");
    drop(store);
    gate.close();
}
