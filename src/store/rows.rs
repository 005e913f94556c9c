//! Inserts many rows with one PostgreSQL statement: each column is an array, so the text does not depend on the
//! number of rows and the statement is prepared once.

use std::mem::take;

use diesel::dsl::SqlTypeOf;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Array;
use diesel::{QueryResult, RunQueryDsl};

use crate::clock::UnixTime;
use crate::domain::access_list::AccessList;
use crate::domain::api::TokenFormat;
use crate::domain::client::Client;
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::id::Id;
use crate::domain::refresh_token::RefreshTokenRecord;
use crate::domain::scope::Scope;
use crate::domain::session::Session;
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::token_class::{Action, ResourceType};
use crate::domain::token_record::{AnyDigest, TokenKind, TokenRecord};
use crate::domain::user::User;
use crate::schema::{grants, tokens};

/// The rows of one table, column by column. A record field that is not listed does not compile.
macro_rules! rows {
    ($name:ident, $record:ident, $table:ident, { $($column:ident: $type:ty,)+ }) => {
        #[derive(Default)]
        struct $name<'a> { $($column: Vec<&'a $type>,)+ }

        impl<'a> $name<'a> {
            fn of(records: impl Iterator<Item = &'a $record>) -> Self {
                let mut rows = Self::default();
                for $record { $($column,)+ } in records {
                    $(rows.$column.push($column);)+
                }
                rows
            }
        }

        impl QueryFragment<Pg> for $name<'_> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                out.push_sql(concat!("INSERT INTO ", stringify!($table)));
                let mut is_first = true;
                $(
                    out.push_sql(if take(&mut is_first) { " (" } else { ", " });
                    out.push_identifier(stringify!($column))?;
                )+
                out.push_sql(") SELECT * FROM unnest");
                is_first = true;
                $(
                    out.push_sql(if take(&mut is_first) { "(" } else { ", " });
                    out.push_bind_param::<Array<SqlTypeOf<$table::$column>>, _>(&self.$column)?;
                )+
                out.push_sql(")");
                Ok(())
            }
        }
    };
}

rows!(Grants, Grant, grants, {
    id: Id<Grant>,
    kind: GrantKind,
    user_id: Option<Id<User>>,
    client_key: Option<Id<Client>>,
    session_id: Option<Id<Session>>,
    return_url: Option<String>,
    scope: Scope,
    created_at: UnixTime,
    expires_at: Option<UnixTime>,
    revoked_at: Option<UnixTime>,
    audience: SpaceSeparated,
    ends_with_session: bool,
});

rows!(Tokens, TokenRecord, tokens, {
    id: Id<TokenRecord>,
    kind: TokenKind,
    digest: AnyDigest,
    grant_id: Id<Grant>,
    refresh_token_id: Option<Id<RefreshTokenRecord>>,
    scope: Scope,
    created_at: UnixTime,
    expires_at: Option<UnixTime>,
    revoked_at: Option<UnixTime>,
    last_used_at: Option<UnixTime>,
    name: Option<String>,
    last_four: Option<String>,
    access_list: Option<AccessList>,
    action: Option<Action>,
    resource_type: Option<ResourceType>,
    resource: Option<String>,
    generator_id: Option<Id<TokenRecord>>,
    subject_token_id: Option<Id<TokenRecord>>,
    token_encrypted: Option<String>,
    last_used_from: Option<String>,
    is_shared: bool,
    flagged_at: Option<UnixTime>,
    format: TokenFormat,
    audience: SpaceSeparated,
    dpop_jkt: Option<String>,
});

/// Inserts grants and tokens: all of them or none, without a surrounding transaction. References between the rows
/// are checked at the end of the statement.
pub struct Insert<'a> {
    grants: Grants<'a>,
    tokens: Tokens<'a>,
}

impl<'a> Insert<'a> {
    /// Collects rows, column by column.
    pub fn new(grants: impl Iterator<Item = &'a Grant>, tokens: impl Iterator<Item = &'a TokenRecord>) -> Self {
        Self { grants: Grants::of(grants), tokens: Tokens::of(tokens) }
    }
}

impl QueryId for Insert<'_> {
    type QueryId = Insert<'static>;
}

impl QueryFragment<Pg> for Insert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH added AS (");
        self.grants.walk_ast(out.reborrow())?;
        out.push_sql(") ");
        self.tokens.walk_ast(out)
    }
}

impl<C> RunQueryDsl<C> for Insert<'_> {}
