//! A database that is full, locked, of a newer version, of another key, or none at all: a clear word,
//! nothing half-written, and back to work by itself.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use futures_util::future::join_all;
use gatepost::cli::start::{self, StartError};
use gatepost::clock::Clock;
use gatepost::config::Config;

use crate::harness::{self, BEGIN, Server, confidential, execute};

async fn pragma(server: &Server, sql: &'static str) {
    server.write(move |tx| Ok(tx.batch_execute(sql)?)).await;
}

#[actix_web::test]
async fn a_full_database_refuses_keeps_every_answer_that_it_gave_and_recovers() {
    let folder = tempfile::tempdir().expect("because the system has a temporary folder");
    let file = folder.path().join("small.db").display().to_string();
    let server = harness::spawn_with(&[("database_url", &format!("sqlite://{file}"))]).await;
    let app = server.application(confidential()).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    // SQLite raises this to what the file has already.
    pragma(&server, "PRAGMA max_page_count = 1").await;
    let (mut given, mut refused) = (vec![tokens.access_token.clone()], Vec::new());
    for _ in 0..200 {
        for answer in join_all((0..32).map(|_| app.refresh(tokens.refresh()))).await {
            match answer {
                Ok(tokens) => given.push(tokens.access_token),
                Err(error) => refused.push(error),
            }
        }
        if !refused.is_empty() {
            break;
        }
    }
    assert!(!refused.is_empty(), "the database never filled up");
    for error in &refused {
        assert_eq!(error, &(503, "temporarily_unavailable".to_owned()));
    }
    assert_eq!(usize::try_from(server.count("tokens").await), Ok(given.len()), "what was refused left nothing behind");
    for token in &given {
        assert_eq!(server.account_status(token).await, 200, "what was answered is kept");
    }
    pragma(&server, "PRAGMA max_page_count = 1073741823").await;
    let again = app.refresh(tokens.refresh()).await.expect("because there is room again");
    assert_eq!(server.account_status(&again.access_token).await, 200);
}

/// Another program that holds the lock which writers need, and lets readers read.
enum Lock {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Lock {
    fn take(url: &str) -> Self {
        const REASON: &str = "because the database of a test can be opened";
        match url.strip_prefix("sqlite://") {
            Some(file) => {
                let mut connection = SqliteConnection::establish(file).expect(REASON);
                connection.batch_execute("BEGIN EXCLUSIVE").expect(REASON);
                Self::Sqlite(connection)
            }
            None => {
                let mut connection = PgConnection::establish(url).expect(REASON);
                let lock = "BEGIN; LOCK TABLE tokens, sessions IN EXCLUSIVE MODE";
                connection.batch_execute(lock).expect(REASON);
                Self::Postgres(connection)
            }
        }
    }

    fn release(self) {
        let released = match self {
            Self::Sqlite(mut connection) => connection.batch_execute("ROLLBACK"),
            Self::Postgres(mut connection) => connection.batch_execute("ROLLBACK"),
        };
        released.expect("because the lock is ours");
    }
}

#[actix_web::test]
async fn a_locked_database_goes_on_reading_refuses_writes_and_recovers() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let tokens = app.tokens(&mut alice).await;
    let (sessions, living) = (server.count("sessions").await, server.count("tokens").await);
    let log_in = server.browser().open("/login").await;
    let lock = Lock::take(server.database_url());
    assert_eq!(server.account_status(&tokens.access_token).await, 200);
    assert_eq!(alice.open("/account").await.heading(), "Your account");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())];
    let mut late = server.browser();
    let (answer, page) = futures_util::future::join(
        app.post("/oauth/token", &refresh),
        late.log_in_at(&log_in, "alice", harness::PASSWORD),
    )
    .await;
    lock.release();
    assert_eq!(answer.error(), (503, "temporarily_unavailable".to_owned()));
    assert!(answer.header("retry-after").is_some());
    assert_eq!((page.status, page.heading().as_str()), (503, "One moment, please"));
    assert!(page.header("retry-after").is_some() && !page.alert().is_empty());
    assert_eq!((server.count("sessions").await, server.count("tokens").await), (sessions, living));
    app.refresh(tokens.refresh()).await.expect("because the lock is gone, and nothing was used up");
    late.sign_in("alice").await;
}

async fn refusal(config: &Config) -> String {
    match start::store(config, &Clock::manual(BEGIN)).await {
        Ok(_) => panic!("it started"),
        Err(error @ (StartError::Store(_) | StartError::SecretFile(..))) => error.to_string(),
        Err(error) => panic!("{error}"),
    }
}

#[actix_web::test]
async fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let server = harness::spawn().await;
    let known = server.count("__diesel_schema_migrations").await;
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000001')";
    server.write(move |tx| execute(tx, newer)).await;
    let said = refusal(&server.app.config).await;
    assert!(said.contains("newer Gatepost") && said.contains("20991231000001"), "{said}");
    assert_eq!(server.count("__diesel_schema_migrations").await, known + 1);
}

/// Its tables have other names and columns; it has none of the migrations of today.
#[actix_web::test]
async fn a_database_from_before_the_first_release_is_refused_and_left_alone() {
    let server = harness::spawn().await;
    for sql in [
        "UPDATE __diesel_schema_migrations SET version = '20261121000001'",
        "ALTER TABLE outbox RENAME TO letters",
        "DROP TABLE idempotency_keys",
    ] {
        server.write(move |tx| execute(tx, sql)).await;
    }
    let said = refusal(&server.app.config).await;
    assert!(said.contains("before the first release") && said.contains("20261121000001"), "{said}");
    assert!(said.contains("gatepost migrate"), "it says what to do: {said}");
    assert_eq!((server.count("__diesel_schema_migrations").await, server.count("letters").await), (1, 0));
    let missing = server.app.store.read(|db| execute(db, "SELECT 1 FROM idempotency_keys")).await;
    assert!(missing.is_err(), "nothing of today was added to it");
}

#[actix_web::test]
async fn another_base_key_or_one_that_others_can_read_is_refused() {
    let server = harness::spawn().await;
    let folder = tempfile::tempdir().expect("because the system has a temporary folder");
    let file = |name: &str| folder.path().join(name);
    let with = |secret_file: &Path| Config { secret_file: secret_file.to_owned(), ..server.app.config.clone() };
    let write = |name: &str, text: &str, mode: u32| {
        std::fs::write(file(name), text).expect("because the folder is ours");
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(file(name), mode).expect("because the file is ours");
        file(name)
    };
    let right = std::fs::read_to_string(&server.app.config.secret_file).expect("because the server made it");
    let other = format!("1:{}\n", "ab".repeat(32));
    for (name, text, mode, word) in [
        ("other", other.as_str(), 0o600, "not the base key"),
        ("open", right.as_str(), 0o644, "chmod 600"),
        ("broken", "1:beef", 0o600, "hexadecimal"),
        ("empty", "", 0o600, "hexadecimal"),
    ] {
        let said = refusal(&with(&write(name, text, mode))).await;
        assert!(said.contains(word) && said.contains(name), "{name}: {said}");
    }
    let copy = write("copy", &right, 0o600);
    assert!(start::store(&with(&copy), &Clock::manual(BEGIN)).await.is_ok(), "the right key in another place is right");
    let made = std::fs::metadata(&server.app.config.secret_file).expect("because the server made it");
    assert_eq!(made.permissions().mode() & 0o777, 0o600);
}

/// A key that is lost is not made anew under the database that needs it.
#[actix_web::test]
async fn a_lost_base_key_is_told_and_no_new_one_is_left_in_its_place() {
    let server = harness::spawn().await;
    let folder = tempfile::tempdir().expect("because the system has a temporary folder");
    let lost = folder.path().join("lost.key");
    let said = refusal(&Config { secret_file: lost.clone(), ..server.app.config.clone() }).await;
    assert!(said.contains("base key"), "{said}");
    assert!(!lost.exists(), "a wrong key lies where the right one belongs");
}

/// Runs the program; its database and key are in `folder`.
fn gatepost(folder: &Path, database_url: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command.args(arguments).current_dir(folder).env("GATEPOST_DATABASE_URL", database_url);
    command.env("GATEPOST_SECRET_FILE", folder.join("base.key")).env("GATEPOST_LISTEN", "127.0.0.1:0");
    command.env("GATEPOST_OPS_LISTEN", "").output().expect("because the program was just built")
}

#[test]
fn the_program_says_why_it_cannot_start_and_exits_with_1() {
    let folder = tempfile::tempdir().expect("because the system has a temporary folder");
    let path = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    std::fs::write(folder.path().join("noise.db"), "this is no database".repeat(100)).expect("because it is ours");
    for (database_url, word) in [
        (path("noise.db"), "not a database"),
        (path("no/such/folder/x.db"), "cannot be opened"),
        ("mysql://localhost/x".to_owned(), "sqlite://"),
        ("postgres://nobody@127.0.0.1:1/x?connect_timeout=1".to_owned(), "PostgreSQL"),
    ] {
        let output = gatepost(folder.path(), &database_url, &["serve"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{database_url}: {said}");
        assert!(said.contains(word), "{database_url}: {said}");
        assert!(!said.contains("panicked") && output.stdout.is_empty(), "{database_url}: {said}");
    }
    let made = gatepost(folder.path(), &path("good.db"), &["migrate"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
