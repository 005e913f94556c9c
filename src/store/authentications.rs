//! The table `authentications`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::domain::authentication::Authentication;
use crate::domain::grant::Grant;
use crate::domain::id::Id;
use crate::schema::authentications;

/// How the person behind a grant had signed in, when that was asked for.
pub fn find(tx: &mut Database, grant: Id<Grant>) -> Result<Option<Authentication>> {
    let row = authentications::table.filter(authentications::id.eq(grant));
    Ok(on!(tx, |c| row.select(Authentication::as_select()).get_result(c)).optional()?)
}

/// Adds one.
pub fn insert(tx: &mut Database, authentication: &Authentication) -> Result<()> {
    on!(tx, |c| diesel::insert_into(authentications::table).values(authentication).execute(c))?;
    Ok(())
}
