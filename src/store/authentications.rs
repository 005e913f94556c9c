//! The table `authentications`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::domain::authentication::Authentication;
use crate::domain::grant::Grant;
use crate::domain::id::Id;
use crate::schema::authentications;

/// Finds how the person of a grant signed in, if the grant has `openid`.
pub fn find(tx: &mut Database, grant: Id<Grant>) -> Result<Option<Authentication>> {
    let row = authentications::table.filter(authentications::id.eq(grant));
    Ok(on!(tx, |c| row.select(Authentication::as_select()).get_result(c)).optional()?)
}

/// Inserts the authentication of a grant.
pub fn insert(tx: &mut Database, authentication: &Authentication) -> Result<()> {
    on!(tx, |c| diesel::insert_into(authentications::table).values(authentication).execute(c))?;
    Ok(())
}
