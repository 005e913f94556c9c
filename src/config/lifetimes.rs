//! The settings `lifetimes.*`, in seconds.

use super::{ConfigError, Values, number};
use crate::domain::lifetimes::Lifetimes;

/// Reads these settings; an absent one has its default.
pub(super) fn read(values: &Values) -> Result<Lifetimes, ConfigError> {
    let default = Lifetimes::default();
    let lifetimes = Lifetimes {
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
        // A person who reads a page for five minutes is still active (Gatepost's own choice).
        session_idle: number(values, "lifetimes.session_idle", default.session_idle, 300..=31_536_000)?,
        session_max: number(values, "lifetimes.session_max", default.session_max, 300..=31_536_000)?,
        signing_key: number(values, "lifetimes.signing_key", default.signing_key, 3_600..=315_360_000)?,
        id_token: number(values, "lifetimes.id_token", default.id_token, 60..=86_400)?,
    };
    ordered(values, lifetimes)
}

/// Two lifetimes, of which the first cannot be longer than the second.
struct Order {
    shorter: &'static str,
    longer: &'static str,
    both: fn(&mut Lifetimes) -> [&mut i64; 2],
}

const ORDERS: &[Order] = &[
    Order {
        shorter: "lifetimes.session_idle",
        longer: "lifetimes.session_max",
        both: |lifetimes| [&mut lifetimes.session_idle, &mut lifetimes.session_max],
    },
    Order {
        shorter: "lifetimes.refresh_idle",
        longer: "lifetimes.refresh_max",
        both: |lifetimes| [&mut lifetimes.refresh_idle, &mut lifetimes.refresh_max],
    },
    Order {
        shorter: "lifetimes.access",
        longer: "lifetimes.refresh_max",
        both: |lifetimes| [&mut lifetimes.access, &mut lifetimes.refresh_max],
    },
    Order {
        shorter: "lifetimes.user_token",
        longer: "lifetimes.user_token_max",
        both: |lifetimes| [&mut lifetimes.user_token, &mut lifetimes.user_token_max],
    },
];

/// Refuses lifetimes that contradict each other. A default is shortened to a limit that was set.
fn ordered(values: &Values, mut lifetimes: Lifetimes) -> Result<Lifetimes, ConfigError> {
    for Order { shorter, longer, both } in ORDERS {
        let [short, long] = both(&mut lifetimes);
        if *short <= *long {
            continue;
        }
        if values.contains_key(shorter) {
            return Err(ConfigError::Value(shorter, format!("{short} is more than {longer}, which is {long}")));
        }
        *short = *long;
    }
    Ok(lifetimes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&'static str, i64)]) -> Result<Lifetimes, ConfigError> {
        read(&pairs.iter().map(|(key, seconds)| (*key, seconds.to_string())).collect())
    }

    #[test]
    fn lifetimes_that_contradict_are_refused_and_a_default_gives_way() {
        for Order { shorter, longer, both } in ORDERS {
            let [short, long] = both(&mut Lifetimes::default()).map(|seconds| *seconds);
            assert!(short <= long, "the defaults of {shorter} and {longer} contradict");
            let said = with(&[(shorter, 700), (longer, 600)]).expect_err("because they contradict").to_string();
            assert!(said.contains(shorter) && said.contains(longer), "{said}");
            assert!(with(&[(shorter, 600), (longer, 600)]).is_ok(), "{shorter}");
            let mut given_way = with(&[(longer, 600)]).expect("because only one is written");
            assert_eq!(both(&mut given_way).map(|seconds| *seconds), [600.min(short), 600]);
        }
        assert!(with(&[("lifetimes.session_idle", 31_536_000)]).is_err(), "a default of a limit is a limit");
    }

    #[test]
    fn a_session_outlives_a_page_that_is_read() {
        assert!(with(&[("lifetimes.session_idle", 299)]).is_err());
        assert!(with(&[("lifetimes.session_idle", 300)]).is_ok());
        assert!(with(&[("lifetimes.session_max", 299)]).is_err(), "the idle time would be shorter still");
    }
}
