//! The table `user_pictures`: large, and read by nothing else.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::domain::id::Id;
use crate::domain::user::User;
use crate::schema::user_pictures;

/// A person's picture, in base64.
pub fn find(tx: &mut Database, user: Id<User>) -> Result<Option<String>> {
    let row = user_pictures::table.filter(user_pictures::id.eq(user));
    Ok(on!(tx, |c| row.select(user_pictures::picture).get_result(c)).optional()?)
}

/// Puts a picture in the place of the one before; nothing removes it.
pub fn replace(tx: &mut Database, user: Id<User>, picture: Option<&str>) -> Result<()> {
    on!(tx, |c| diesel::delete(user_pictures::table.filter(user_pictures::id.eq(user))).execute(c))?;
    if let Some(picture) = picture {
        let row = (user_pictures::id.eq(user), user_pictures::picture.eq(picture));
        on!(tx, |c| diesel::insert_into(user_pictures::table).values(row).execute(c))?;
    }
    Ok(())
}
