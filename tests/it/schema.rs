//! The database as the migrations make it: `src/schema.rs` says what is there, an enum's column takes the values of the
//! enum, and a row that is deleted is found by an index wherever another row refers to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl};
use gatepost::domain::access_list::Tier;
use gatepost::domain::api::TokenFormat;
use gatepost::domain::client::{ClientType, LoginDelivery};
use gatepost::domain::consent::ConsentKind;
use gatepost::domain::grant::GrantKind;
use gatepost::domain::mailed_link::LinkKind;
use gatepost::domain::pkce::ChallengeMethod;
use gatepost::domain::security_log::SecurityEvent;
use gatepost::domain::self_registration::{ApplicationType, AuthMethod};
use gatepost::domain::signing_key::SigningAlgorithm;
use gatepost::domain::token_class::{Action, ResourceType};
use gatepost::domain::token_record::TokenKind;
use gatepost::domain::user::Role;
use gatepost::store::StoreError;

use crate::harness::queries::scans;
use crate::harness::{self, Server, execute};

const TIERS: &[&str] = &[
    Tier::ALL[0].0.as_str(),
    Tier::ALL[1].0.as_str(),
    Tier::ALL[2].0.as_str(),
    Tier::ALL[3].0.as_str(),
    Tier::ALL[4].0.as_str(),
    Tier::ALL[5].0.as_str(),
    Tier::ALL[6].0.as_str(),
];

/// The columns that hold the name of an enum's value, with the names.
const ENUMS: &[(&str, &str, &[&str])] = &[
    ("users", "role", Role::NAMES),
    ("signing_keys", "algorithm", SigningAlgorithm::NAMES),
    ("clients", "client_type", ClientType::NAMES),
    ("clients", "login_delivery", LoginDelivery::NAMES),
    ("clients", "id_token_signed_response_alg", SigningAlgorithm::NAMES),
    ("clients", "userinfo_signed_response_alg", SigningAlgorithm::NAMES),
    ("self_registrations", "auth_method", AuthMethod::NAMES),
    ("self_registrations", "application_type", ApplicationType::NAMES),
    ("apis", "token_format", TokenFormat::NAMES),
    ("consents", "kind", ConsentKind::NAMES),
    ("grants", "kind", GrantKind::NAMES),
    ("authorization_codes", "code_challenge_method", ChallengeMethod::NAMES),
    ("tokens", "kind", TokenKind::NAMES),
    ("tokens", "action", Action::NAMES),
    ("tokens", "resource_type", ResourceType::NAMES),
    ("tokens", "format", TokenFormat::NAMES),
    ("mailed_links", "kind", LinkKind::NAMES),
    ("security_log", "event", SecurityEvent::NAMES),
    ("resources", "public_tier", TIERS),
    ("resource_shares", "tier", TIERS),
];

/// References whose row does more than refuse that the other one is deleted.
const ON_DELETE: &[(&str, &str, &str)] = &[
    ("authentications", "id", "CASCADE"),
    ("email_codes", "id", "CASCADE"),
    ("email_codes", "session_id", "CASCADE"),
    ("idempotency_keys", "token_id", "CASCADE"),
    ("refresh_tokens", "successor_id", "SET NULL"),
    ("tokens", "generator_id", "SET NULL"),
    ("tokens", "refresh_token_id", "SET NULL"),
    ("tokens", "subject_token_id", "SET NULL"),
];

/// A column of the database.
#[derive(QueryableByName)]
pub struct Column {
    #[diesel(sql_type = Text)]
    pub table: String,
    #[diesel(sql_type = Text)]
    pub name: String,
    /// The SQL type, in small letters.
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = BigInt)]
    is_required: i64,
}

impl Column {
    /// As `src/schema.rs` spells it.
    pub fn in_rust(&self) -> String {
        let kind = match self.kind.as_str() {
            "bigint" => "BigInt",
            "integer" => "Integer",
            "text" => "Text",
            "boolean" => "Bool",
            other => other,
        };
        let kind = if self.is_required == 1 { kind.to_owned() } else { format!("Nullable<{kind}>") };
        format!("{}: {} -> {kind}", self.table, self.name)
    }
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    text: String,
}

/// A column that refers to the key of a row.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, QueryableByName)]
pub struct Reference {
    #[diesel(sql_type = Text)]
    pub child: String,
    #[diesel(sql_type = Text)]
    pub column: String,
    #[diesel(sql_type = Text)]
    pub parent: String,
    #[diesel(sql_type = Text)]
    on_delete: String,
}

macro_rules! load {
    ($server:expr, $type:ty, $sqlite:expr, $postgres:expr) => {{
        let sql = if $server.sqlite_file().is_some() { $sqlite } else { $postgres };
        let rows: Vec<$type> = $server.read(move |db| Ok(gatepost::on!(db, |c| diesel::sql_query(sql).load(c))?)).await;
        rows
    }};
}

/// Every column of every table, in their order.
pub async fn columns(server: &Server) -> Vec<Column> {
    load!(
        server,
        Column,
        "SELECT t.name AS \"table\", c.name, CASE WHEN c.name = 'id' THEN 'bigint' ELSE lower(c.type) END AS kind, \
         c.\"notnull\" AS is_required FROM sqlite_schema t, pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\' ORDER BY t.rowid, c.cid",
        "SELECT t.relname::text AS \"table\", a.attname::text AS name, format_type(a.atttypid, NULL) AS kind, \
         a.attnotnull::int::bigint AS is_required FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid \
         WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r' AND a.attnum > 0 \
         AND NOT a.attisdropped AND t.relname NOT LIKE '\\_\\_%' ORDER BY t.oid, a.attnum"
    )
}

/// The columns of `src/schema.rs`.
pub fn columns_in_rust() -> Vec<String> {
    let mut written = Vec::new();
    for table in include_str!("../../src/schema.rs").split("diesel::table! {").skip(1) {
        let table = table.split("}\n}").next().unwrap_or_default();
        let (head, body) = table.split_once('{').expect("because a table has columns");
        let name = head.split('(').next().unwrap_or_default().trim();
        let lines = body.lines().map(str::trim).filter(|line| !line.is_empty());
        written.extend(lines.map(|line| format!("{name}: {}", line.trim_end_matches(','))));
    }
    written
}

#[actix_web::test]
async fn the_schema_in_rust_is_the_one_that_the_migrations_make() {
    let server = harness::spawn().await;
    let written = columns_in_rust();
    assert!(written.len() > 300, "the schema was not read: {written:?}");
    let made: Vec<String> = columns(&server).await.iter().map(Column::in_rust).collect();
    let difference = made.iter().zip(&written).find(|(made, written)| made != written);
    assert_eq!(difference, None, "what the database has, and what is written");
    assert_eq!(made.len(), written.len());
}

/// The texts between quotes.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The values that a CHECK names, by its name.
pub async fn checks(server: &Server) -> BTreeMap<String, BTreeSet<String>> {
    if server.sqlite_file().is_none() {
        let rows = load!(
            server,
            Named,
            "",
            "SELECT conname::text AS name, pg_get_constraintdef(oid) AS text FROM pg_constraint \
             WHERE connamespace = current_schema()::regnamespace AND contype = 'c'"
        );
        return rows.into_iter().map(|row| (row.name, quoted(&row.text))).collect();
    }
    let tables = load!(server, Named, "SELECT name, sql AS text FROM sqlite_schema WHERE type = 'table'", "");
    let mut checks = BTreeMap::new();
    for check in tables.iter().flat_map(|table| table.text.split("CONSTRAINT ").skip(1)) {
        let (name, rest) = check.split_once(" CHECK (").expect("because nothing else has a name");
        let mut open = 1;
        let is_last = |message: char| {
            open += i32::from(message == '(') - i32::from(message == ')');
            open == 0
        };
        let end = rest.find(is_last).expect("because it is SQL");
        checks.insert(name.to_owned(), quoted(&rest[..end]));
    }
    checks
}

#[actix_web::test]
async fn a_column_takes_the_values_of_its_enum_and_no_others() {
    let server = harness::spawn().await;
    let expected: BTreeMap<String, BTreeSet<String>> = ENUMS
        .iter()
        .map(|(table, column, names)| {
            (format!("{table}_{column}"), names.iter().map(|name| (*name).to_owned()).collect())
        })
        .collect();
    assert_eq!(checks(&server).await, expected);
    server.person("alice").await;
    let refused = server.app.store.write(|tx| execute(tx, "UPDATE users SET role = 'emperor'")).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("users_role")), "{refused:?}");
}

/// The statements of CONTRIBUTING's recipe.
#[actix_web::test]
async fn a_later_migration_can_add_a_value() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let names = Role::NAMES.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    for sql in [
        "ALTER TABLE users DROP CONSTRAINT users_role".to_owned(),
        format!("ALTER TABLE users ADD CONSTRAINT users_role CHECK (role IN ({names}, 'guest'))"),
        "UPDATE users SET role = 'guest'".to_owned(),
    ] {
        server.write(move |tx| execute(tx, &sql)).await;
    }
    let refused = server.app.store.write(|tx| execute(tx, "UPDATE users SET role = 'emperor'")).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("users_role")), "{refused:?}");
}

/// Every file of a folder and below it.
fn texts_below(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("because the folder is there") {
        let path = entry.expect("because it was listed").path();
        match path.is_dir() {
            true => texts_below(&path, texts),
            false => texts.extend(fs::read_to_string(&path)),
        }
    }
}

#[test]
fn every_field_of_a_record_whose_type_is_an_enum_is_listed() {
    let mut texts = Vec::new();
    texts_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain"), &mut texts);
    let mut enums = BTreeSet::from(["Tier"]);
    for named in texts.iter().flat_map(|text| text.split("column::named! {").skip(1)) {
        let head = named.lines().map(str::trim).find(|line| line.ends_with('{')).expect("because an enum has a name");
        enums.insert(head.trim_end_matches('{').trim());
    }
    assert!(enums.len() > 14, "{enums:?}");
    let mut found = 0;
    for record in texts.iter().flat_map(|text| text.split("table_name = crate::schema::").skip(1)) {
        let record = record.split("\n}").next().unwrap_or_default();
        let table = record.split([',', ')']).next().unwrap_or_default();
        for field in record.lines().filter_map(|line| line.trim().strip_prefix("pub ")) {
            let Some((name, kind)) = field.trim_end_matches(',').split_once(": ") else { continue };
            let kind = kind.strip_prefix("Option<").map_or(kind, |rest| rest.trim_end_matches('>'));
            if enums.contains(kind) {
                found += 1;
                let is_listed = ENUMS.iter().any(|(of, column, _)| (*of, *column) == (table, name));
                assert!(is_listed, "{table}.{name} has no CHECK, or is not listed here");
            }
        }
    }
    assert!(found >= ENUMS.len(), "only {found} were found");
}

/// Every reference, sorted.
pub async fn references(server: &Server) -> Vec<Reference> {
    load!(
        server,
        Reference,
        "SELECT t.name AS child, f.\"from\" AS \"column\", f.\"table\" AS parent, f.on_delete \
         FROM sqlite_schema t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table' ORDER BY 1, 2",
        "SELECT c.relname::text AS child, a.attname::text AS \"column\", p.relname::text AS parent, \
         CASE f.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'NO ACTION' END AS on_delete \
         FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class p ON p.oid = f.confrelid \
         JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1] \
         WHERE f.connamespace = current_schema()::regnamespace AND f.contype = 'f' ORDER BY 1, 2"
    )
}

#[actix_web::test]
async fn what_refers_to_a_deleted_row_is_found_by_an_index() {
    let server = harness::spawn().await;
    let references = references(&server).await;
    assert!(references.len() > 50, "{references:?}");
    let asked = |reference: &Reference| format!("SELECT 1 FROM {} WHERE {} = $1", reference.child, reference.column);
    let mut statements: Vec<String> = references.iter().map(asked).collect();
    if server.sqlite_file().is_some() {
        // SQLite explains what a DELETE looks for in other tables.
        let parents: BTreeSet<&str> = references.iter().map(|reference| reference.parent.as_str()).collect();
        statements.extend(parents.iter().map(|parent| format!("DELETE FROM {parent} WHERE id = $1")));
    }
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    assert_eq!(scans(&server, &statements), Vec::new());
    let mut acts: Vec<(&str, &str, &str)> = references
        .iter()
        .filter(|reference| reference.on_delete != "NO ACTION")
        .map(|reference| (reference.child.as_str(), reference.column.as_str(), reference.on_delete.as_str()))
        .collect();
    acts.sort_unstable();
    assert_eq!(acts, ON_DELETE);
}

#[actix_web::test]
async fn a_reference_without_an_index_is_noticed() {
    let server = harness::spawn().await;
    server.write(|tx| execute(tx, "DROP INDEX tokens_generator")).await;
    let statement = "SELECT 1 FROM tokens WHERE generator_id = $1";
    assert_eq!(scans(&server, &[statement]), [("tokens".to_owned(), statement.to_owned())]);
}

/// Tokens that were issued together with a refresh token, and what replaced it, outlive its row.
#[actix_web::test]
async fn a_row_that_is_deleted_leaves_no_reference_behind() {
    let server = harness::spawn().await;
    let app = server.application(harness::public()).await;
    let mut alice = server.signed_in("alice").await;
    let tokens = app.tokens(&mut alice).await;
    app.refresh(tokens.refresh()).await.expect("because it is its first use");
    assert_eq!(server.count("tokens WHERE refresh_token_id IS NOT NULL").await, 2);
    assert_eq!(server.count("refresh_tokens WHERE successor_id IS NOT NULL").await, 1);
    let newest = "DELETE FROM refresh_tokens WHERE successor_id IS NULL";
    server.write(move |tx| execute(tx, newest)).await;
    assert_eq!(server.count("refresh_tokens WHERE successor_id IS NOT NULL").await, 0);
    assert_eq!(server.count("tokens WHERE refresh_token_id IS NOT NULL").await, 1);
    assert_eq!(app.refresh(tokens.refresh()).await.expect_err("because it was used").1, "invalid_grant");
    server.write(|tx| execute(tx, "DELETE FROM refresh_tokens")).await;
    assert_eq!(server.count("tokens WHERE refresh_token_id IS NOT NULL").await, 0);
}
