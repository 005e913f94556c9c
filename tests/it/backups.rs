//! Backups: made while the server answers, checked before they take a database's place, never over one.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use crate::harness::program::Home;
use crate::harness::{self, confidential};

fn text(path: &Path) -> &str {
    path.to_str().expect("because the folder's name is UTF-8")
}

/// The folder's things, but the key.
fn left(home: &Home) -> Vec<String> {
    home.names().into_iter().filter(|name| name != "base.key").collect()
}

/// A backup of a running server, and a home with the server's key and no database.
struct Kept {
    copy: PathBuf,
    home: Home,
    folder: tempfile::TempDir,
}

async fn kept() -> Option<Kept> {
    let server = harness::spawn().await;
    server.sqlite_file()?;
    server.signed_in("alice").await;
    let folder = tempfile::tempdir().expect("because the system has a temporary folder");
    let copy = folder.path().join("copy.db");
    let mut home = Home::new();
    let own = home.file("base.key");
    home.set("database_url", server.database_url());
    home.ask(&["backup", text(&copy)], "");
    std::fs::copy(&server.app.config.secret_file, &own).expect("because the key is the server's");
    home.set("database_url", &format!("sqlite://{}", home.file("gatepost.db").display()));
    Some(Kept { copy, home, folder })
}

#[actix_web::test]
async fn a_backup_of_a_server_under_load_is_whole_and_holds_all_that_was_answered_before() {
    let server = harness::spawn().await;
    let mut home = Home::new();
    home.set("database_url", server.database_url());
    home.set("secret_file", text(&server.app.config.secret_file));
    let folder = tempfile::tempdir().expect("because the system has a temporary folder");
    if server.sqlite_file().is_none() {
        let said = home.refusal(&["backup", text(&folder.path().join("copy"))]);
        assert!(said.contains("pg_dump") && !folder.path().join("copy").exists(), "{said}");
        assert!(home.refusal(&["restore", "copy"]).contains("pg_restore"));
        return;
    }
    let app = server.application(confidential()).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    let is_over = AtomicBool::new(false);
    let load = async {
        let mut given = Vec::new();
        while !is_over.load(Ordering::SeqCst) {
            given.push(app.refresh(tokens.refresh()).await.expect("because nothing hinders it").access_token);
        }
        given
    };
    let copies = async {
        let mut copies = Vec::new();
        for number in 0..3 {
            let before = app.refresh(tokens.refresh()).await.expect("because nothing hinders it").access_token;
            let copy = folder.path().join(format!("copy{number}.db"));
            let mut command = home.command(&["backup", text(&copy)]);
            let done = tokio::task::spawn_blocking(move || command.output()).await;
            let output = done.expect("because it does not panic").expect("because it was built with the tests");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            copies.push((before, copy));
        }
        is_over.store(true, Ordering::SeqCst);
        copies
    };
    let (given, copies) = futures_util::future::join(load, copies).await;
    assert!(given.len() > 3, "that was no load");
    for (before, copy) in copies {
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&copy).expect("because it was made"));
        assert_eq!(mode & 0o777, 0o600);
        let mut restored = Home::new();
        restored.set("secret_file", text(&server.app.config.secret_file));
        restored.set("public_url", server.issuer());
        restored.ask(&["restore", text(&copy)], "");
        assert_eq!(restored.names(), ["gatepost.db"]);
        let said = restored.ask(&["token", "inspect", "--json"], &before);
        assert!(said.contains("\"username\": \"alice\""), "{said}");
        restored.serve().stop();
    }
}

#[actix_web::test]
async fn nothing_is_ever_replaced() {
    let Some(Kept { copy, home, folder: _held }) = kept().await else { return };
    let before = std::fs::read(&copy).expect("because it was made");
    home.ask(&["restore", text(&copy)], "");
    assert_eq!(std::fs::read(home.file("gatepost.db")).expect("because it was made"), before, "byte for byte");
    // The database, the copy, a folder, a link: none is written over.
    std::fs::create_dir(home.file("folder")).expect("because the folder is ours");
    std::os::unix::fs::symlink("nowhere", home.file("link")).expect("because the folder is ours");
    for place in [copy.clone(), home.file("gatepost.db"), home.file("folder"), home.file("link")] {
        assert!(home.refusal(&["backup", text(&place)]).contains("not replaced"), "{}", place.display());
    }
    assert!(home.refusal(&["backup", "no/such/folder/copy.db"]).contains("No such file"));
    assert!(home.refusal(&["restore", text(&copy)]).contains("not replaced"));
    assert_eq!(std::fs::read(&copy).expect("because it was made"), before);
    // What is left of a lost database is not mixed with another one.
    std::fs::remove_file(home.file("gatepost.db")).expect("because it is ours");
    for side in ["gatepost.db-wal", "gatepost.db-shm", "gatepost.db-journal"] {
        std::fs::write(home.file(side), "left over").expect("because the folder is ours");
        assert!(home.refusal(&["restore", text(&copy)]).contains(side));
        std::fs::remove_file(home.file(side)).expect("because it is ours");
    }
    home.ask(&["restore", text(&copy)], "");
}

#[actix_web::test]
async fn a_copy_that_is_not_right_is_refused_and_leaves_nothing_behind() {
    let Some(Kept { copy, mut home, folder }) = kept().await else { return };
    let bytes = std::fs::read(&copy).expect("because it was made");
    let write = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).expect("because the folder is ours");
        file
    };
    let changed = |name: &str, sql: &str| {
        let file = write(name, &bytes);
        let mut connection = SqliteConnection::establish(text(&file)).expect("because it is a database");
        connection.batch_execute(sql).expect("because it may be changed");
        file
    };
    let mut damaged = bytes.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8_192].fill(0xa5);
    let with_log = write("with_log.db", &bytes);
    write("with_log.db-wal", b"frames");
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000001')";
    let loose = "PRAGMA foreign_keys = OFF; DELETE FROM users";
    let other = write("other.db", b"");
    let mut connection = SqliteConnection::establish(text(&other)).expect("because it is a new file");
    let filled = connection.batch_execute("CREATE TABLE x (y); INSERT INTO x VALUES (1)");
    filled.expect("because it is a new database");
    drop(connection);
    for (file, words) in [
        (folder.path().join("missing.db"), "No such file"),
        (write("noise.db", "this is no database".repeat(400).as_bytes()), "not a database"),
        (write("empty.db", b""), "another program"),
        (other, "another program"),
        (write("short.db", &bytes[..bytes.len() / 2]), ""),
        (write("damaged.db", &damaged), ""),
        (changed("newer.db", newer), "newer Gatepost"),
        (changed("loose.db", loose), "missing"),
        (changed("unfinished.db", "DELETE FROM installation"), "never finished"),
        (with_log, "-wal"),
    ] {
        let said = home.refusal(&["restore", text(&file)]);
        assert!(said.contains(words), "{}: {said}", file.display());
        assert_eq!(left(&home), Vec::<String>::new(), "after {}: {said}", file.display());
    }
    let key = home.file("base.key");
    home.set("secret_file", text(&home.file("lost.key")));
    assert!(home.refusal(&["restore", text(&copy)]).contains("base key"));
    home.unset("secret_file");
    home.set("secret", &format!("1:{}", "ab".repeat(32)));
    assert!(home.refusal(&["restore", text(&copy)]).contains("another base key"));
    assert_eq!(left(&home), Vec::<String>::new());
    home.unset("secret");
    home.set("secret_file", text(&key));
    home.ask(&["restore", text(&copy)], "");
}
