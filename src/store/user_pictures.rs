//! The table `user_pictures`: separate, because pictures are large and no other query reads them.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::domain::id::Id;
use crate::domain::user::User;
use crate::schema::user_pictures;

/// Finds a person's picture, in base64.
pub fn find(tx: &mut Database, user: Id<User>) -> Result<Option<String>> {
    let row = user_pictures::table.filter(user_pictures::id.eq(user));
    Ok(on!(tx, |c| row.select(user_pictures::picture).get_result(c)).optional()?)
}

/// Replaces a person's picture; `None` removes it.
pub fn replace(tx: &mut Database, user: Id<User>, picture: Option<&str>) -> Result<()> {
    on!(tx, |c| diesel::delete(user_pictures::table.filter(user_pictures::id.eq(user))).execute(c))?;
    if let Some(picture) = picture {
        let row = (user_pictures::id.eq(user), user_pictures::picture.eq(picture));
        on!(tx, |c| diesel::insert_into(user_pictures::table).values(row).execute(c))?;
    }
    Ok(())
}
