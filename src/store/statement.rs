//! Statements that are prepared once for each connection: those that begin and end transactions on SQLite, and
//! updates, whose text diesel would otherwise write at every run. Also parts of a query whose text is written once:
//! diesel visits every column several times at every run, even in a prepared statement.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};
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

/// A query whose SQL text depends on its type alone, so that it is prepared by its type. Diesel cannot know this of
/// an update: its values might be optional, and then the text depends on them. The wrapped updates have no such
/// values (`Some(…)` for a nullable column is a value like any other). Diesel cannot know it of a list either,
/// which is one array on PostgreSQL.
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

/// Columns to select, whose text is written once for each database: `Written(Grant::as_select())`. They contain no
/// values and are the same at every run, as their query id declares.
#[derive(Clone, Copy)]
pub(super) struct Written<E>(pub E);

/// The texts, by the columns and the database.
static TEXTS: RwLock<Option<HashMap<(TypeId, TypeId), &'static str>>> = RwLock::new(None);

impl<E: QueryId> QueryId for Written<E> {
    type QueryId = E::QueryId;

    const HAS_STATIC_QUERY_ID: bool = E::HAS_STATIC_QUERY_ID;
}

impl<E: Expression> Expression for Written<E> {
    type SqlType = E::SqlType;
}

impl<E: ValidGrouping<G>, G> ValidGrouping<G> for Written<E> {
    type IsAggregate = E::IsAggregate;
}

impl<E: SelectableExpression<S>, S> SelectableExpression<S> for Written<E> where Self: AppearsOnTable<S> {}

impl<E: AppearsOnTable<S>, S> AppearsOnTable<S> for Written<E> {}

impl<DB, E> QueryFragment<DB> for Written<E>
where
    DB: Backend + 'static,
    DB::QueryBuilder: Default,
    E: QueryFragment<DB> + QueryId,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        debug_assert!(E::HAS_STATIC_QUERY_ID, "the text is kept by the query's type");
        let key = (TypeId::of::<E::QueryId>(), TypeId::of::<DB>());
        let known =
            TEXTS.read().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|texts| texts.get(&key).copied());
        let text = match known {
            Some(text) => text,
            None => {
                let mut builder = DB::QueryBuilder::default();
                self.0.to_sql(&mut builder, out.backend())?;
                // The number of these parts in the code is fixed, so the leaked memory does not grow.
                let text: &'static str = builder.finish().leak();
                let mut texts = TEXTS.write().unwrap_or_else(PoisonError::into_inner);
                *texts.get_or_insert_default().entry(key).or_insert(text)
            }
        };
        out.push_sql(text);
        Ok(())
    }
}

/// Inserts one row into a table of frequent requests: the text is made at compile time, and only the values are
/// visited. The columns are the fields of the record, each by its name; a field that is left out does not compile.
macro_rules! insert {
    ($name:ident, $table:ident, $record:ident { $first:ident $(, $field:ident)* $(,)? }) => {
        #[derive(Clone, Copy)]
        pub(super) struct $name<'a>(pub &'a $record);

        impl diesel::query_builder::QueryId for $name<'_> {
            type QueryId = $name<'static>;

            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl $name<'_> {
            const TEXT: &'static str = concat!(
                "INSERT INTO \"", stringify!($table), "\" (\"", stringify!($first), "\"", $(", \"", stringify!($field), "\"",)* ") VALUES ("
            );
        }

        $crate::store::statement::insert!(@of diesel::sqlite::Sqlite, $name, $table, $record { $first $(, $field)* });
        $crate::store::statement::insert!(@of diesel::pg::Pg, $name, $table, $record { $first $(, $field)* });

        impl<C> diesel::RunQueryDsl<C> for $name<'_> {}
    };
    (@of $backend:ty, $name:ident, $table:ident, $record:ident { $first:ident $(, $field:ident)* }) => {
        impl diesel::query_builder::QueryFragment<$backend> for $name<'_> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, $backend>,
            ) -> diesel::QueryResult<()> {
                let $record { $first $(, $field)* } = self.0;
                out.push_sql(Self::TEXT);
                out.push_bind_param::<diesel::dsl::SqlTypeOf<$table::$first>, _>($first)?;
                $(
                    out.push_sql(", ");
                    out.push_bind_param::<diesel::dsl::SqlTypeOf<$table::$field>, _>($field)?;
                )*
                out.push_sql(")");
                Ok(())
            }
        }
    };
}
pub(super) use insert;

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::*;
    use crate::clock::UnixTime;
    use crate::domain::grant::{Grant, GrantKind};
    use crate::domain::id::Id;
    use crate::schema::grants;

    fn is_known_by_its_type<Q: QueryId>(_: &Q) -> bool {
        Q::HAS_STATIC_QUERY_ID
    }

    #[test]
    fn a_written_part_is_the_text_that_diesel_writes() {
        let query = grants::table.filter(grants::id.eq(Id::<Grant>::from_number(1)));
        for _first_and_again in 0..2 {
            assert_same_text::<diesel::sqlite::Sqlite>(
                &query.select(Written(Grant::as_select())),
                &query.select(Grant::as_select()),
            );
            assert_same_text::<diesel::pg::Pg>(
                &query.select(Written(Grant::as_select())),
                &query.select(Grant::as_select()),
            );
        }
    }

    fn assert_same_text<DB>(written: &(impl QueryFragment<DB> + QueryId), plain: &impl QueryFragment<DB>)
    where
        DB: Backend + Default,
        DB::QueryBuilder: Default,
    {
        assert!(is_known_by_its_type(written));
        assert_eq!(diesel::debug_query(written).to_string(), diesel::debug_query(plain).to_string());
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
