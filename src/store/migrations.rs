//! One set of migrations for both databases, embedded; `{{id}}` is the key type.

use diesel::backend::Backend;
use diesel::connection::BoxableConnection;
use diesel::migration::{
    Migration, MigrationMetadata, MigrationName, MigrationSource, MigrationVersion, Result as MigrationResult,
};
use diesel_migrations::MigrationHarness;

use super::StoreError;

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        &[$(Embedded { name: $name, up: include_str!(concat!("../../migrations/", $name, "/up.sql")) }),+]
    };
}

macro_rules! own_parts {
    ($($name:literal),+ $(,)?) => {
        &[$(OwnPart {
            of: $name,
            sqlite: include_str!(concat!("../../migrations/", $name, "/sqlite.sql")),
            postgres: include_str!(concat!("../../migrations/", $name, "/postgres.sql")),
        }),+]
    };
}

/// Every migration, oldest first. The first one makes the whole schema; each later one only adds.
const MIGRATIONS: &[Embedded] = embedded!["2026-12-01-000001_initial"];

/// The oldest one. Databases that were made before it belong to versions that were never released.
const FIRST: &str = MIGRATIONS[0].name;

/// What a migration runs on one of the databases only, after what both run: triggers have no common form.
const OWN_PARTS: &[OwnPart] = own_parts!["2026-12-01-000001_initial"];

struct OwnPart {
    of: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

#[derive(Clone, Copy)]
struct Embedded {
    name: &'static str,
    up: &'static str,
}

/// The migrations with the SQL of one database.
#[derive(Clone, Copy)]
pub struct Migrations {
    key_type: &'static str,
    own: fn(&OwnPart) -> &'static str,
}

/// SQLite's row id needs exactly this text; any other text makes a second b-tree.
pub const SQLITE: Migrations = Migrations { key_type: "INTEGER PRIMARY KEY NOT NULL", own: |part| part.sqlite };
/// PostgreSQL's `INTEGER` has 32 bits.
pub const POSTGRES: Migrations = Migrations { key_type: "BIGINT PRIMARY KEY NOT NULL", own: |part| part.postgres };

/// Whether every migration is applied. Fails when one is applied that this binary does not know.
pub fn are_applied<DB, C>(connection: &mut C, migrations: Migrations) -> Result<bool, StoreError>
where
    DB: Backend,
    C: MigrationHarness<DB>,
{
    newest(connection)?;
    Ok(!connection.has_pending_migration(migrations).map_err(unusable)?)
}

/// Applies the migrations that are missing.
///
/// # Errors
/// [`StoreError::Unusable`] when the database has a migration that this binary does not know.
pub fn run<DB, C>(connection: &mut C, migrations: Migrations) -> Result<(), StoreError>
where
    DB: Backend,
    C: MigrationHarness<DB>,
{
    newest(connection)?;
    connection.run_pending_migrations(migrations).map_err(unusable)?;
    Ok(())
}

fn unusable(error: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::Unusable(error.to_string())
}

/// Returns the newest migration that was applied, if this binary knows all of them.
///
/// # Errors
/// [`StoreError::Unusable`] when it does not know one of them.
pub fn newest<DB, C>(connection: &mut C) -> Result<Option<String>, StoreError>
where
    DB: Backend,
    C: MigrationHarness<DB>,
{
    let applied = connection.applied_migrations().map_err(unusable)?;
    let is_known = |applied: &MigrationVersion<'_>| MIGRATIONS.iter().any(|known| version_of(known.name) == *applied);
    if let Some(unknown) = applied.iter().find(|applied| !is_known(applied)) {
        return Err(StoreError::Unusable(match *unknown < version_of(FIRST) {
            true => format!(
                "the database was made by a Gatepost from before the first release (it has migration {unknown}), \
                 which this version cannot read; move the database away and run 'gatepost migrate' for a new one"
            ),
            false => format!(
                "the database was made by a newer Gatepost (it has migration {unknown}); use that version or restore a backup"
            ),
        }));
    }
    Ok(applied.iter().max().map(ToString::to_string))
}

fn version_of(name: &'static str) -> MigrationVersion<'static> {
    MigrationVersion::from(name.split('_').next().unwrap_or(name).replace('-', ""))
}

impl<DB: Backend> MigrationSource<DB> for Migrations {
    fn migrations(&self) -> MigrationResult<Vec<Box<dyn Migration<DB>>>> {
        let in_its_words = |embedded: &Embedded| -> Box<dyn Migration<DB>> {
            let own = OWN_PARTS.iter().find(|part| part.of == embedded.name).map_or("", self.own);
            let sql = embedded.up.replace("{{id}}", self.key_type);
            Box::new(Step { name: Name(embedded.name), sql: sql + own })
        };
        Ok(MIGRATIONS.iter().map(in_its_words).collect())
    }
}

struct Step {
    name: Name,
    sql: String,
}

struct Name(&'static str);

impl std::fmt::Display for Name {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)
    }
}

impl MigrationName for Name {
    fn version(&self) -> MigrationVersion<'_> {
        version_of(self.0)
    }
}

struct InTransaction;

impl MigrationMetadata for InTransaction {
    fn run_in_transaction(&self) -> bool {
        true
    }
}

impl<DB: Backend> Migration<DB> for Step {
    fn run(&self, connection: &mut dyn BoxableConnection<DB>) -> MigrationResult<()> {
        Ok(connection.batch_execute(&self.sql)?)
    }

    fn revert(&self, _connection: &mut dyn BoxableConnection<DB>) -> MigrationResult<()> {
        Err("restore a backup to go back".into())
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        &InTransaction
    }

    fn name(&self) -> &dyn MigrationName {
        &self.name
    }
}
