//! The settings `second_factor.*`.

use super::{ConfigError, Values, flag};
use crate::domain::second_factor::FactorPolicy;

/// Reads these settings; both are off by default.
pub(super) fn read(values: &Values) -> Result<FactorPolicy, ConfigError> {
    Ok(FactorPolicy {
        is_required: flag(values, "second_factor.required", false)?,
        mails_codes: flag(values, "second_factor.email_code", false)?,
    })
}
