//! Every column of what the snapshot keeps changes its version, by triggers: no program and no hand can forget it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl};
use gatepost::store::Database;

use crate::harness::{self, Server, confidential, execute};
use crate::schema;

/// The tables of which rows are kept.
const KEPT: [&str; 5] = ["clients", "client_secrets", "apis", "api_scopes", "signing_keys"];

/// Columns that change often and decide nothing.
const MAY_BE_OLD: &[(&str, &str, &str)] =
    &[("client_secrets", "last_used_at", "pages read it from the row; `LastUse` remembers what it wrote")];

/// Tables whose new rows change nothing: what was not found is not kept, and no list of them is.
const NEW_ROWS_CHANGE_NOTHING: &[&str] = &["clients", "client_secrets"];

/// Columns with a foreign key, and a value that is allowed.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("clients", "owner_id", "NULL"),
    ("client_secrets", "client_key", "(SELECT min(id) FROM clients)"),
    ("apis", "client_key", "(SELECT min(id) FROM clients)"),
    ("api_scopes", "api_id", "(SELECT min(id) FROM apis)"),
];

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

async fn number(server: &Server, sql: &str) -> i64 {
    let sql = sql.to_owned();
    server.read(move |db| Ok(gatepost::on!(db, |c| diesel::sql_query(&sql).get_result::<Number>(c))?.number)).await
}

async fn version(server: &Server) -> i64 {
    number(server, "SELECT version AS number FROM snapshot_version").await
}

async fn columns(server: &Server, table: &str) -> Vec<Column> {
    let sql = match server.sqlite_file() {
        Some(_) => format!("SELECT name, lower(type) AS kind FROM pragma_table_info('{table}')"),
        None => format!(
            "SELECT column_name::text AS name, data_type::text AS kind FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = '{table}'"
        ),
    };
    server.read(move |db: &mut Database| Ok(gatepost::on!(db, |c| diesel::sql_query(&sql).load(c))?)).await
}

/// The SQL that changes a column of one row to something else.
fn changed(table: &str, Column { name, kind }: &Column, checks: &Checks) -> String {
    if let Some(values) = checks.get(&format!("{table}_{name}")) {
        let (Some(first), Some(last)) = (values.first(), values.last()) else { panic!("{table}.{name} takes nothing") };
        return format!("CASE WHEN {name} = '{first}' THEN '{last}' ELSE '{first}' END");
    }
    if let Some((_, _, value)) = ALLOWED.iter().find(|(of, column, _)| *of == table && column == name) {
        return (*value).to_owned();
    }
    match kind.as_str() {
        "boolean" => format!("NOT {name}"),
        "text" => format!("coalesce({name}, '') || 'x'"),
        "bigint" | "integer" => format!("coalesce({name}, 0) + 1"),
        other => panic!("how is {table}.{name} of {other} changed?"),
    }
}

/// The values that columns take.
type Checks = BTreeMap<String, BTreeSet<String>>;

/// Rows that no other row names: the newest of each table.
async fn with_rows() -> Server {
    let server = harness::spawn().await;
    server.application(confidential()).await;
    server.api("https://one.example", &["one: See"], false).await;
    server.api("https://two.example", &["two: See"], false).await;
    for sql in [
        "DELETE FROM api_scopes WHERE name = 'two'",
        "INSERT INTO api_scopes (id, api_id, name, sentence) SELECT 9000000000000000000, min(id), 'three', 'See' FROM apis",
    ] {
        server.write(move |tx| execute(tx, sql)).await;
    }
    server.application(confidential()).await;
    // Its secret belongs to somebody else, so that nothing names the client.
    server
        .write(|tx| {
            execute(
                tx,
                "UPDATE client_secrets SET client_key = (SELECT min(id) FROM clients) \
                 WHERE id = (SELECT max(id) FROM client_secrets)",
            )
        })
        .await;
    // The oldest client has no API, so that an API can be given to it.
    server
}

#[actix_web::test]
async fn each_column_of_what_is_kept_changes_the_version() {
    let server = with_rows().await;
    let checks = schema::checks(&server).await;
    let mut seen = BTreeMap::new();
    for table in KEPT {
        let mut columns = columns(&server, table).await;
        assert!(columns.len() > 3, "{table}");
        // The key last: the others find the row by it. A key of another algorithm has another number before.
        columns.sort_by_key(|column| (column.name == "id", column.name == "algorithm"));
        let row = number(&server, &format!("SELECT max(id) AS number FROM {table}")).await;
        for column in &columns {
            let (before, name) = (version(&server).await, &column.name);
            let sql = format!("UPDATE {table} SET {name} = {} WHERE id = {row}", changed(table, column, &checks));
            server.write(move |tx| execute(tx, &sql)).await;
            let is_excepted = MAY_BE_OLD.iter().any(|(of, column, _)| *of == table && column == name);
            assert_eq!(version(&server).await == before, is_excepted, "{table}.{name}");
            seen.insert((table, name.clone()), is_excepted);
        }
        let before = version(&server).await;
        let sql = format!("DELETE FROM {table} WHERE id = {}", row + 1);
        server.write(move |tx| execute(tx, &sql)).await;
        assert_ne!(version(&server).await, before, "a row of {table} went");
    }
    for (table, column, _) in MAY_BE_OLD {
        assert_eq!(seen.get(&(*table, (*column).to_owned())), Some(&true), "{table}.{column} is there no more");
    }
}

#[actix_web::test]
async fn a_new_row_changes_the_version_where_a_list_is_kept() {
    let server = with_rows().await;
    for table in KEPT {
        let columns: Vec<String> = columns(&server, table).await.into_iter().map(|column| column.name).collect();
        let row = number(&server, &format!("SELECT max(id) AS number FROM {table}")).await;
        // The same row again under other unique values.
        let values: Vec<String> = columns
            .iter()
            .map(|name| match (table, name.as_str()) {
                (_, "id") => format!("{}", row + 7),
                ("clients", "client_id")
                | ("apis", "identifier")
                | ("api_scopes", "name")
                | ("signing_keys", "kid") => {
                    format!("{name} || 'x'")
                }
                ("signing_keys", "number") => "number + 7".to_owned(),
                ("apis", "client_key") => "(SELECT max(id) FROM clients)".to_owned(),
                _ => name.clone(),
            })
            .collect();
        let sql = format!(
            "INSERT INTO {table} ({}) SELECT {} FROM {table} WHERE id = {row}",
            columns.join(", "),
            values.join(", ")
        );
        let before = version(&server).await;
        server.write(move |tx| execute(tx, &sql)).await;
        assert_eq!(version(&server).await == before, NEW_ROWS_CHANGE_NOTHING.contains(&table), "{table}");
    }
}

/// SQLite fires no trigger for a row that `INSERT OR REPLACE` removes.
#[actix_web::test]
async fn a_row_that_takes_the_place_of_another_changes_the_version() {
    let server = with_rows().await;
    if server.sqlite_file().is_none() {
        return;
    }
    for table in KEPT {
        let before = version(&server).await;
        let sql = format!(
            "PRAGMA defer_foreign_keys = ON; INSERT OR REPLACE INTO {table} \
             SELECT * FROM {table} WHERE id = (SELECT max(id) FROM {table})"
        );
        server.write(move |tx| Ok(tx.batch_execute(&sql)?)).await;
        assert_ne!(version(&server).await, before, "{table}");
    }
}

#[actix_web::test]
async fn what_was_taken_back_leaves_the_version_as_it_was() {
    let server = with_rows().await;
    let before = version(&server).await;
    let taken_back = server.app.store.write(|tx| {
        execute(tx, "UPDATE clients SET name = 'x'")?;
        Err::<(), _>(gatepost::store::StoreError::Overloaded)
    });
    assert!(taken_back.await.is_err());
    assert_eq!(version(&server).await, before);
}

/// The functions of the store that change what is kept say so: on PostgreSQL their process then reads rows at once,
/// and does not wait until the version is asked again.
#[test]
fn every_function_that_changes_what_is_kept_says_so() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store");
    let mut found = 0;
    for entry in fs::read_dir(folder).expect("because the tests run in the tree") {
        let path = entry.expect("because it was listed").path();
        let text = fs::read_to_string(&path).expect("because it is text");
        for function in text.split("\n}\n") {
            let writes = ["diesel::update(", "diesel::delete(", "insert_into("];
            let is_new = |table: &&str| function.contains(&format!("insert_into({table}::table)"));
            // `touch` writes the one column that may be old.
            let is_excepted = NEW_ROWS_CHANGE_NOTHING.iter().any(is_new) || function.contains("pub fn touch(");
            let names = KEPT.iter().any(|table| has_word(function, &format!("{table}::table")));
            if writes.iter().any(|write| function.contains(write)) && names && !is_excepted {
                found += 1;
                assert!(function.contains("note_change()"), "{}: {function}", path.display());
            }
        }
    }
    assert!(found >= 18, "only {found} were found");
}

fn has_word(text: &str, word: &str) -> bool {
    let is_of_a_word = |message: char| message.is_alphanumeric() || message == '_';
    text.match_indices(word).any(|(position, _)| !text[..position].ends_with(is_of_a_word))
}
