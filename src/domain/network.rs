//! Networks (CIDR, RFC 4632), and the addresses that proxies report. An IPv4 address has one form here: a dual-stack
//! socket reports it as `::ffff:192.0.2.1` (RFC 4291 §2.5.5.2).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// All addresses with the same prefix; a single address when the prefix has full length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

/// The text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be IP addresses, or networks such as 10.42.0.0/16 and fd00::/8")]
pub struct InvalidNetwork;

/// Returns the bits of an address as a number, and how many there are.
fn bits_of(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

impl Network {
    /// Whether the network contains an address, in either form of the address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let ((ours, length), (theirs, their_length)) = (bits_of(self.first), bits_of(address.to_canonical()));
        let rest = u32::from(length - self.bits);
        // For an IPv6 prefix of length 0 the shift is by all 128 bits, which `checked_shr` returns as `None`.
        length == their_length && (ours ^ theirs).checked_shr(rest).unwrap_or(0) == 0
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_other| InvalidNetwork)?;
        let (_, length) = bits_of(address);
        let bits = match bits {
            None => length,
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse().ok().filter(|bits| *bits <= length).ok_or(InvalidNetwork)?
            }
            Some(_) => return Err(InvalidNetwork),
        };
        let first = address.to_canonical();
        let lost = length - bits_of(first).1;
        // A network of mapped addresses that is larger than all of IPv4 cannot be compared.
        Ok(Self { first, bits: bits.checked_sub(lost).ok_or(InvalidNetwork)? })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.bits == bits_of(self.first).1 {
            write!(formatter, "{}", self.first)
        } else {
            write!(formatter, "{}/{}", self.first, self.bits)
        }
    }
}

/// Parses the address that a proxy reports: alone, in brackets, or followed by a port.
pub fn reported(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let in_brackets = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let alone = in_brackets.unwrap_or(text).parse::<IpAddr>();
    let address = alone.or_else(|_other| text.parse::<SocketAddr>().map(|both| both.ip())).ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().expect("because it is a network")
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("because it is an address")
    }

    #[test]
    fn a_network_contains_its_own_addresses_in_both_forms() {
        for (text, inside, outside) in [
            ("127.0.0.1", "::ffff:127.0.0.1", "127.0.0.2"),
            ("10.42.0.0/16", "10.42.255.255", "10.43.0.0"),
            ("10.42.0.7/16", "::ffff:10.42.0.1", "10.41.255.255"),
            ("::ffff:10.42.0.0/112", "10.42.9.9", "10.43.0.0"),
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("::/0", "2001:db8::1", "203.0.113.9"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("192.0.2.128/25", "192.0.2.200", "192.0.2.127"),
            ("2001:db8::1/128", "2001:db8::1", "2001:db8::2"),
        ] {
            assert!(network(text).contains(address(inside)), "{text} holds {inside}");
            assert!(!network(text).contains(address(outside)), "{text} does not hold {outside}");
        }
        assert_eq!(network("127.0.0.1/32").to_string(), "127.0.0.1");
        assert_eq!(network("fd00::/8").to_string(), "fd00::/8");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "", "/", "10.0.0.0/", "10.0.0.0/33", "10.42.0.0/99", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0/8",
            "fd00::/129", "proxy.internal", "10.0.0.1:80", "[::1]", "10.0.0.0/8/8", "10.0.0.0/256",
            "::ffff:0.0.0.0/80",
        ] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork), "{text}");
        }
    }

    #[test]
    fn an_address_is_read_alone_in_brackets_and_with_a_port() {
        for (text, plain) in [
            ("203.0.113.9", "203.0.113.9"),
            (" 203.0.113.9:4711 ", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("[::ffff:203.0.113.9]:443", "203.0.113.9"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:DB8::7]", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
        ] {
            assert_eq!(reported(text), Some(address(plain)), "{text}");
        }
        for text in ["", "?", "unknown", "_hidden", "203.0.113.9:", "203.0.113.9:99999", "[203.0.113.9", "a.example:80"]
        {
            assert_eq!(reported(text), None, "{text}");
        }
    }
}
