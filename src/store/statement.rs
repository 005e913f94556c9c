//! Statements that are prepared once for each connection: what begins and ends transactions on SQLite, and
//! updates, which diesel would write anew at every run.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::{QueryResult, RunQueryDsl};

/// A statement without parameters, known by its type.
macro_rules! statement {
    ($name:ident, $sql:literal) => {
        #[derive(Clone, Copy, QueryId)]
        pub(super) struct $name;

        impl<DB: Backend> QueryFragment<DB> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                out.push_sql($sql);
                Ok(())
            }
        }
    };
}

statement!(BeginRead, "BEGIN");
statement!(BeginWrite, "BEGIN IMMEDIATE");
statement!(Commit, "COMMIT");
statement!(RollBack, "ROLLBACK");
statement!(Mark, "SAVEPOINT work");
statement!(Release, "RELEASE work");
statement!(RollBackToMark, "ROLLBACK TO work");

/// A query whose SQL text depends on its type alone, so that it is prepared by its type. Diesel does not see
/// this of an update: its values might be optional, and then the text depends on them. Those that are wrapped
/// have none of that kind (`Some(…)` for a column that may be null is a value like any other). Nor does it see it
/// of a list, which on PostgreSQL is one array.
pub(super) struct Fixed<Q>(pub Q);

impl<Q: 'static> QueryId for Fixed<Q> {
    type QueryId = Self;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for Fixed<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

impl<Q: Query> Query for Fixed<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for Fixed<Q> {}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::*;
    use crate::clock::UnixTime;
    use crate::domain::grant::{Grant, GrantKind};
    use crate::schema::grants;

    fn is_known_by_its_type<Q: QueryId>(_: &Q) -> bool {
        Q::HAS_STATIC_QUERY_ID
    }

    #[test]
    fn what_hot_requests_write_is_known_by_its_type() {
        let now = UnixTime::from_seconds(0);
        let grant = Grant::new(now, GrantKind::ClientCredentials, None);
        assert!(is_known_by_its_type(&diesel::insert_into(grants::table).values(&grant)));
        let row = grants::table.filter(grants::id.eq(grant.id));
        let update = diesel::update(row).set(grants::revoked_at.eq(Some(now)));
        assert!(!is_known_by_its_type(&update), "diesel has learned it: the wrapper can go");
        assert!(is_known_by_its_type(&Fixed(update)));
    }
}
