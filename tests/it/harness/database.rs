//! A database per test: a SQLite file, or a schema of the PostgreSQL at `TEST_DATABASE_URL`.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;
use url::Url;

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
        let server = with_password(&server);
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

    /// Runs SQL on it, before a server does.
    pub fn run(&self, sql: &str) {
        match self.url.strip_prefix("sqlite://") {
            Some(file) => {
                let mut connection = SqliteConnection::establish(file).expect("because the folder is ours");
                connection.batch_execute(sql).expect("because it is SQL");
            }
            None => run(&self.url, sql),
        }
    }

    /// The password in [`Self::url`]; nothing on SQLite.
    pub fn password(&self) -> Option<String> {
        Some(Url::parse(&self.url).expect("because it names a database").password()?.to_owned())
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

/// The address of a server with a password, also where the server asks for none: a test that looks for the password
/// in what is printed finds the same kind of address on every machine.
fn with_password(server: &str) -> String {
    let mut url = Url::parse(server).expect("because TEST_DATABASE_URL is an address");
    if url.password().is_none() {
        url.set_password(Some("unasked")).expect("because TEST_DATABASE_URL names a host");
    }
    url.into()
}

fn run(server: &str, sql: &str) {
    let mut connection = PgConnection::establish(server).expect("because TEST_DATABASE_URL names a PostgreSQL");
    connection.batch_execute(sql).expect("because the user of TEST_DATABASE_URL may make schemas");
}
