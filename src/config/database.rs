//! The settings `database.*`: the connections and timeouts for PostgreSQL. The bounds are Gatepost's own choice.

use super::{ConfigError, Values, flag, number};
use crate::store::DatabaseSettings;

/// Reads these settings; an absent one has its default.
pub(super) fn read(values: &Values) -> Result<DatabaseSettings, ConfigError> {
    let default = DatabaseSettings::default();
    Ok(DatabaseSettings {
        pool: number(values, "database.pool", default.pool, 1..=1_000)?,
        pool_wait: number(values, "database.pool_wait", default.pool_wait, 1..=300)?,
        connect_timeout: number(values, "database.connect_timeout", default.connect_timeout, 1..=60)?,
        tcp_user_timeout: number(values, "database.tcp_user_timeout", default.tcp_user_timeout, 1..=300)?,
        statement_timeout: number(values, "database.statement_timeout", default.statement_timeout, 1..=600)?,
        prepared_statements: flag(values, "database.prepared_statements", default.prepared_statements)?,
    })
}
