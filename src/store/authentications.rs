//! The table `authentications`.

use diesel::prelude::*;

use super::{Database, Result};
use crate::domain::authentication::Authentication;
use crate::domain::grant::Grant;
use crate::domain::id::Id;
use crate::schema::authentications;

/// How the person behind a grant had signed in, when that was asked for.
pub fn find(tx: &mut Database, grant: Id<Grant>) -> Result<Option<Authentication>> {
    let row = authentications::table.filter(authentications::id.eq(grant));
    Ok(row.select(Authentication::as_select()).get_result(tx).optional()?)
}

/// Adds one.
pub fn insert(tx: &mut Database, authentication: &Authentication) -> Result<()> {
    diesel::insert_into(authentications::table).values(authentication).execute(tx)?;
    Ok(())
}
