//! The known networks of a person: those from which they signed in before.

use std::net::IpAddr;

use diesel::prelude::*;

use super::id::Id;
use super::user::User;
use crate::clock::UnixTime;

/// Seconds that a network is known after a sign-in (`docs/decisions/0004-throttle.md`).
pub const KNOWN: i64 = 30 * 86_400;

/// A known network of a person.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::known_networks)]
pub struct KnownNetwork {
    pub id: Id<KnownNetwork>,
    pub user_id: Id<User>,
    /// The network prefix of the address, see [`prefix`].
    pub network: String,
    /// When the person last signed in from there.
    pub last_success_at: UnixTime,
    /// When the network is no longer known.
    pub expires_at: UnixTime,
}

/// Returns the network of an address, which one household or company shares: its /24, or its /48 for IPv6.
pub fn prefix(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}")
        }
        Ok(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(address) => prefix(&address.to_string()),
            None => address.segments()[..3].iter().map(|part| format!("{part:x}")).collect::<Vec<_>>().join(":"),
        },
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_has_the_prefix_of_its_own_kind() {
        assert_eq!(prefix("::ffff:192.0.2.7"), "192.0.2");
        assert_eq!(prefix("2001:db8:1:2::3"), "2001:db8:1");
    }
}
