//! A database per test: a SQLite file, or a schema of the PostgreSQL at `TEST_DATABASE_URL`.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use tempfile::TempDir;

use super::random_word;

/// One test's database; it is removed when the test ends.
pub struct TestDatabase {
    _folder: TempDir,
    url: String,
    secret_file: String,
    schema: Option<(String, String)>,
}

impl TestDatabase {
    /// An empty database.
    pub fn make() -> Self {
        let folder = tempfile::tempdir().expect("because the system has a temporary folder");
        let in_folder = |name: &str| folder.path().join(name).display().to_string();
        let secret_file = in_folder("base.key");
        let Some(server) = std::env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty()) else {
            let url = format!("sqlite://{}", in_folder("gatepost.db"));
            return Self { _folder: folder, url, secret_file, schema: None };
        };
        let schema = format!("test_{}", random_word(20));
        run(&server, &format!("CREATE SCHEMA {schema}"));
        let joint = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{joint}options=-csearch_path%3D{schema}");
        Self { _folder: folder, url, secret_file, schema: Some((server, schema)) }
    }

    /// As the setting `database_url` spells it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// As the setting `secret_file` spells it; the file is made when the server starts.
    pub fn secret_file(&self) -> &str {
        &self.secret_file
    }

    /// The SQLite file; nothing on PostgreSQL.
    pub fn sqlite_file(&self) -> Option<&Path> {
        self.url.strip_prefix("sqlite://").map(Path::new)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let (Some((server, schema)), false) = (&self.schema, std::thread::panicking()) {
            run(server, &format!("DROP SCHEMA {schema} CASCADE"));
        }
    }
}

fn run(server: &str, sql: &str) {
    let mut connection = PgConnection::establish(server).expect("because TEST_DATABASE_URL names a PostgreSQL");
    connection.batch_execute(sql).expect("because the user of TEST_DATABASE_URL may make schemas");
}
