//! Databases as earlier schemas were, in `tests/fixtures`: a server opens each of them, adds the migrations that came
//! later, and finds what is in it. `scripts/make-fixture` writes a new one.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::database::TestDatabase;
use crate::harness::{self, Server, execute};
use crate::schema::{Column, checks, columns, columns_in_rust, references};

/// Where a fixture is written to, if one is asked for.
const MAKE: &str = "GATEPOST_MAKE_FIXTURE";

/// A value that a column takes: of an enum, of a row that it refers to, or of its type.
async fn value(server: &Server, column: &Column) -> String {
    let references = references(server).await;
    let is_this = |(child, name): (&str, &str)| child == column.table && name == column.name;
    if let Some(found) = references.iter().find(|reference| is_this((&reference.child, &reference.column))) {
        return format!("(SELECT max(id) FROM {})", found.parent);
    }
    let checks = checks(server).await;
    if let Some(name) = checks.get(&format!("{}_{}", column.table, column.name)).and_then(|names| names.first()) {
        return format!("'{name}'");
    }
    match column.kind.as_str() {
        "boolean" => "TRUE".to_owned(),
        "text" => "'x'".to_owned(),
        _ => "7".to_owned(),
    }
}

/// Puts a row into each table: those of a person with all kinds of tokens, and made-up ones where there are none.
async fn fill(server: &Server) {
    let (mut alice, _held) = server.one_of_each("alice").await;
    alice.generator().await;
    let columns = columns(server).await;
    for table in tables() {
        if server.count(&table).await > 0 {
            continue;
        }
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for column in columns.iter().filter(|column| column.table == table) {
            names.push(column.name.clone());
            values.push(value(server, column).await);
        }
        let sql = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "));
        server.write(move |tx| execute(tx, &sql)).await;
    }
}

/// The tables in the order of the schema: what a row refers to comes first.
fn tables() -> Vec<String> {
    let mut tables: Vec<String> =
        columns_in_rust().iter().filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect();
    tables.dedup();
    tables
}

#[actix_web::test]
async fn a_database_has_a_row_of_each_table() {
    let server = harness::spawn().await;
    fill(&server).await;
    for table in tables() {
        assert!(server.count(&table).await > 0, "{table}");
    }
    if let Some(folder) = std::env::var_os(MAKE) {
        write(&server, Path::new(&folder));
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("because it is SQL")
}

/// Writes the database as SQL, and its base key.
fn write(server: &Server, folder: &Path) {
    let (name, text) = match server.sqlite_file() {
        Some(file) => ("sqlite", run(Command::new("sqlite3").arg(file).arg(".dump"))),
        None => {
            let schema = schema_of(server.database_url());
            let mut command = Command::new("pg_dump");
            command.args(["--inserts", "--no-owner", "--no-privileges", "--schema", schema, server.database_url()]);
            // What only psql reads, what is set for a session, and the name of the schema.
            let is_kept = |line: &&str| {
                let others = ["--", "\\", "SET ", "SELECT pg_catalog.set_config", "CREATE SCHEMA"];
                !line.is_empty() && !others.iter().any(|other| line.starts_with(other))
            };
            let text: Vec<String> = run(&mut command).lines().filter(is_kept).map(str::to_owned).collect();
            let text = text.join("\n").replace(&format!("{schema}."), "").replace(schema, "{{schema}}");
            ("postgres", text + "\n")
        }
    };
    fs::create_dir_all(folder).expect("because the folder is ours");
    fs::write(folder.join(format!("{name}.sql")), text).expect("because the folder is ours");
    let key = fs::read(&server.app.config.secret_file).expect("because the server made it");
    fs::write(folder.join(format!("{name}.key")), key).expect("because the folder is ours");
}

fn schema_of(url: &str) -> &str {
    url.split("search_path%3D").nth(1).expect("because a test has a schema of its own")
}

/// A new database that is as a fixture says.
fn load(folder: &Path) -> TestDatabase {
    let database = TestDatabase::make();
    let name = if database.sqlite_file().is_some() { "sqlite" } else { "postgres" };
    let read = |ending: &str| {
        let file = folder.join(format!("{name}.{ending}"));
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    let schema = if name == "sqlite" { "" } else { schema_of(database.url()) };
    database.run(&read("sql").replace("{{schema}}", schema));
    let mut options = fs::OpenOptions::new();
    let key = options.write(true).create_new(true).mode(0o600).open(database.secret_file());
    let written = key.and_then(|mut file| std::io::Write::write_all(&mut file, read("key").as_bytes()));
    written.expect("because the folder is ours");
    database
}

#[actix_web::test]
async fn a_database_of_an_earlier_day_is_migrated_and_used() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let days = fs::read_dir(folder).expect("because the folder is there");
    let mut days: Vec<PathBuf> = days.map(|day| day.expect("because it was listed").path()).collect();
    days.sort();
    assert!(days.first().is_some_and(|day| day.ends_with("2026-12-01")), "{days:?}");
    let fresh = harness::spawn().await;
    for day in days {
        let server = harness::spawn_on(load(&day), &[]).await;
        let found = columns(&server).await.iter().map(Column::in_rust).collect();
        assert_eq!(by_table(found), by_table(columns_in_rust()), "{}", day.display());
        assert_eq!(checks(&server).await, checks(&fresh).await, "{}", day.display());
        assert_eq!(references(&server).await, references(&fresh).await, "{}", day.display());
        for table in tables_of(&day) {
            assert!(server.count(&table).await > 0, "{}: {table}", day.display());
        }
        let mut alice = server.browser();
        alice.sign_in("alice").await;
        let page = alice.open("/account/apps").await;
        assert!(page.text().contains("Map studio"), "her app is named: {}", page.text());
        let studio = server.studio_token(&alice.generator().await, ("read_only", "all")).await;
        server.program(&studio).get("/v3/validate").await.success();
    }
}

/// The tables in another order, since a dump has one of its own; the columns in the same.
fn by_table(mut columns: Vec<String>) -> Vec<String> {
    columns.sort_by_key(|column| column.split(':').next().unwrap_or_default().to_owned());
    columns
}

/// The tables that a fixture made.
fn tables_of(day: &Path) -> Vec<String> {
    let sql = fs::read_to_string(day.join("postgres.sql")).expect("because each day has one of each database");
    let heads = sql.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split([' ', '(']).next());
    heads.map(str::to_owned).collect()
}
