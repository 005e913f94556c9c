//! The settings `rate_limits.*`. Lower bounds leave room for a mistyped password, upper bounds for a large company
//! behind one address (Gatepost's own choice).

use super::{ConfigError, Values, flag, number};
use crate::identity::throttle::RateLimits;

/// Reads these settings; an absent one has its default.
pub(super) fn read(values: &Values) -> Result<RateLimits, ConfigError> {
    let default = RateLimits::default();
    Ok(RateLimits {
        is_enabled: flag(values, "rate_limits.enabled", default.is_enabled)?,
        window: number(values, "rate_limits.window", default.window, 60..=86_400)?,
        account_from_network: number(
            values,
            "rate_limits.account_from_network",
            default.account_from_network,
            3..=1_000,
        )?,
        account: number(values, "rate_limits.account", default.account, 10..=100_000)?,
        network: number(values, "rate_limits.network", default.network, 10..=1_000_000)?,
        user_codes: number(values, "rate_limits.user_codes", default.user_codes, 3..=100)?,
        user_codes_of_network: number(
            values,
            "rate_limits.user_codes_of_network",
            default.user_codes_of_network,
            10..=10_000,
        )?,
        letters: number(values, "rate_limits.letters", default.letters, 1..=10_000)?,
        sign_ups: number(values, "rate_limits.sign_ups", default.sign_ups, 1..=100_000)?,
        look_ups: number(values, "rate_limits.look_ups", default.look_ups, 1..=1_000_000)?,
        registrations: number(values, "rate_limits.registrations", default.registrations, 1..=10_000)?,
        client_failures: number(values, "rate_limits.client_failures", default.client_failures, 10..=100_000)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_bounds_and_defaults() {
        let with = |pair: (&'static str, &str)| read(&Values::from([(pair.0, pair.1.to_owned())]));
        let read = with(("rate_limits.account_from_network", "5")).expect("because five is enough");
        assert_eq!(read, RateLimits { account_from_network: 5, ..RateLimits::default() });
        for (key, wrong) in
            [("account", "0"), ("window", "1"), ("network", "-1"), ("letters", "many"), ("user_codes", "101")]
        {
            let key: &'static str = crate::config::KEYS
                .iter()
                .map(|(known, _)| *known)
                .find(|known| known.strip_prefix("rate_limits.") == Some(key))
                .expect("because it is a setting");
            assert!(with((key, wrong)).is_err(), "{key} = {wrong}");
        }
    }
}
