//! The settings `lifetimes.*`, in seconds.

use super::{ConfigError, Values, number};
use crate::domain::lifetimes::Lifetimes;

/// Reads them; what is absent has its default.
pub(super) fn read(values: &Values) -> Result<Lifetimes, ConfigError> {
    let default = Lifetimes::default();
    Ok(Lifetimes {
        code: number(values, "lifetimes.code", default.code, 1..=600)?,
        // Under 600 (FAPI 2.0 §5.3.2.2).
        par: number(values, "lifetimes.par", default.par, 1..=599)?,
        access: number(values, "lifetimes.access", default.access, 1..=86_400)?,
        refresh_idle: number(values, "lifetimes.refresh_idle", default.refresh_idle, 1..=315_360_000)?,
        refresh_max: number(values, "lifetimes.refresh_max", default.refresh_max, 1..=315_360_000)?,
        user_token: number(values, "lifetimes.user_token", default.user_token, 1..=5_184_000)?,
        user_token_max: number(values, "lifetimes.user_token_max", default.user_token_max, 1..=315_360_000)?,
        device: number(values, "lifetimes.device", default.device, 1..=3_600)?,
        remote_session: number(values, "lifetimes.remote_session", default.remote_session, 1..=3_600)?,
        reset: number(values, "lifetimes.reset", default.reset, 60..=86_400)?,
        login_redirect_max: number(values, "lifetimes.login_redirect_max", default.login_redirect_max, 1..=86_400)?,
        session_idle: number(values, "lifetimes.session_idle", default.session_idle, 1..=31_536_000)?,
        session_max: number(values, "lifetimes.session_max", default.session_max, 1..=31_536_000)?,
        signing_key: number(values, "lifetimes.signing_key", default.signing_key, 3_600..=315_360_000)?,
        id_token: number(values, "lifetimes.id_token", default.id_token, 60..=86_400)?,
    })
}
