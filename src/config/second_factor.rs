//! The settings `second_factor.*`.

use super::{ConfigError, Values, flag};
use crate::domain::second_factor::FactorPolicy;

/// Reads them; neither is on by itself.
pub(super) fn read(values: &Values) -> Result<FactorPolicy, ConfigError> {
    Ok(FactorPolicy {
        is_required: flag(values, "second_factor.required", false)?,
        mails_codes: flag(values, "second_factor.email_code", false)?,
    })
}
