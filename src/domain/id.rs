//! Row IDs that increase with time: 41 bits of milliseconds since 2025, 10 bits of node number, 12 bits of counter.
//!
//! A table with a digest as its primary key writes to random pages of the index; a table with a key that increases with
//! time appends. The counter continues into the next millisecond and never goes back, so IDs are unique and positive
//! without a sequence.

use std::cmp::Ordering as Compared;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::rand;
use diesel::backend::Backend;
use diesel::deserialize::{FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{Output, ToSql};
use diesel::sql_types::BigInt;

use crate::clock::UnixTime;

/// 2025-01-01T00:00:00Z, the first millisecond of the time part.
const EPOCH_SECONDS: i64 = 1_735_689_600;
const COUNTER_BITS: u32 = 12;
const NODE_BITS: u32 = 10;

/// How many node numbers are reserved for processes without a lease: the number of values of one byte.
const UNLEASED: u16 = 256;

/// The highest node number of a server; the numbers above it are for processes without a lease.
pub const MAX_NODE: u16 = (1 << NODE_BITS) - UNLEASED - 1;

static LAST: AtomicI64 = AtomicI64::new(0);
/// The node number that this process has leased, and the end of the lease (Unix seconds).
static NODE: AtomicI64 = AtomicI64::new(0);
static HELD_UNTIL: AtomicI64 = AtomicI64::new(i64::MIN);
static UNLEASED_MAKER: OnceLock<Maker> = OnceLock::new();

/// The process that generates IDs. Its node number is part of every ID, so that no two processes generate the same one.
#[derive(Clone, Copy, Debug)]
struct Maker {
    node: i64,
    /// The offset within each second at which its IDs begin, in ticks.
    phase: i64,
}

impl Maker {
    /// Returns the generator of IDs at this time: a server uses its node number while its lease lasts, see [`hold`].
    fn of(now: UnixTime) -> Self {
        match now.seconds() < HELD_UNTIL.load(Ordering::Acquire) {
            true => Self { node: NODE.load(Ordering::Acquire), phase: 0 },
            false => *UNLEASED_MAKER.get_or_init(Self::unleased),
        }
    }

    /// Returns the generator of a command, or of a server whose lease has ended: a random node number that no server
    /// has, and a random offset within a second. Two such processes generate the same ID only when both values are the
    /// same: with a probability of one in a thousand million, times the IDs that they generate in a second.
    fn unleased() -> Self {
        let mut bytes = [0; 9];
        rand::fill(&mut bytes).expect("because the operating system's randomness is always available");
        let [byte, rest @ ..] = bytes;
        let phase = i64::from_be_bytes(rest).rem_euclid(1_000 << COUNTER_BITS);
        Self { node: i64::from(MAX_NODE) + 1 + i64::from(byte), phase }
    }
}

/// The ID of one row of `Of`. An ID is an identifier, never a secret.
#[derive(AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub struct Id<Of>(i64, PhantomData<fn() -> Of>);

impl<Of> Id<Of> {
    /// Returns an ID that no row has: it contains the node number of this process, see [`hold`].
    pub fn next(now: UnixTime) -> Self {
        Self::next_after(now, Self::from_number(0))
    }

    /// Returns an ID that no row has, and that is higher than `before`, even when a node whose clock is ahead generated
    /// that one. The number after `before` would not be unique: it is the next ID of the other node.
    pub fn next_after(now: UnixTime, before: Self) -> Self {
        // 41 bits of milliseconds last until 2094; the mask keeps the sign bit zero.
        let milliseconds = now.seconds().saturating_sub(EPOCH_SECONDS).max(0) * 1_000;
        let Maker { node, phase } = Maker::of(now);
        let (floor, behind) = (((milliseconds & ((1 << 41) - 1)) << COUNTER_BITS) + phase, tick_behind(before.0));
        let next = |last: i64| {
            let tick = (last + 1).max(floor);
            if number(tick, node) > before.0 { tick } else { behind }
        };
        let update = |last| Some(next(last));
        let last = LAST.fetch_update(Ordering::SeqCst, Ordering::SeqCst, update).unwrap_or_else(|last| last);
        Self::from_number(number(next(last), node))
    }

    /// Returns the ID with this number, which comes from a column or from a token.
    pub const fn from_number(number: i64) -> Self {
        Self(number, PhantomData)
    }

    /// Returns the number, as it is stored.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Returns the ID in the form of a UUID, for programs that expect one (version 8, RFC 9562 §5.8).
    pub fn uuid(self) -> String {
        let number = self.0.cast_unsigned();
        let (high, middle, low) = (number >> 16, (number >> 4) & 0xfff, number & 0xf);
        format!("{:08x}-{:04x}-8{middle:03x}-{:04x}-000000000000", high >> 16, high & 0xffff, 0x8000 | (low << 10))
    }

    /// Parses an ID that a program wrote as a UUID; `None` when the UUID is not the form of an ID.
    pub fn from_uuid(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|character| *character != '-').collect();
        let value = u128::from_str_radix(&digits, 16).ok()?;
        let (high, middle) = ((value >> 80) as u64, ((value >> 64) & 0xfff) as u64);
        let low = ((value >> 58) & 0xf) as u64;
        let id = Self::from_number(((high << 16) | (middle << 4) | low).cast_signed());
        (id.uuid() == text.to_ascii_lowercase()).then_some(id)
    }
}

/// Returns the number of the ID that `node` generates at a tick: milliseconds and counter together.
const fn number(tick: i64, node: i64) -> i64 {
    let (milliseconds, counter) = (tick >> COUNTER_BITS, tick & ((1 << COUNTER_BITS) - 1));
    (((milliseconds << NODE_BITS) | node) << COUNTER_BITS) | counter
}

/// Returns the first tick whose ID is higher than this one for every node: the first of the next millisecond.
const fn tick_behind(number: i64) -> i64 {
    ((number >> (NODE_BITS + COUNTER_BITS)) + 1) << COUNTER_BITS
}

/// Sets the lower bound of the IDs of this process to this moment, so that a process that is killed and restarted
/// within a second generates no ID twice.
pub fn start(now_in_milliseconds: i64) {
    let floor = now_in_milliseconds.saturating_sub(EPOCH_SECONDS * 1_000).max(0) << COUNTER_BITS;
    LAST.fetch_max(floor, Ordering::SeqCst);
}

/// Lets this process generate IDs with a leased node number until the end of the lease. Without a lease, and after its
/// end, it uses a random number that no server has.
pub fn hold(number: u16, until: UnixTime) {
    // In this order, a thread that reads the new end also reads the new number.
    HELD_UNTIL.store(i64::MIN, Ordering::Release);
    NODE.store(i64::from(number.min(MAX_NODE)), Ordering::Release);
    HELD_UNTIL.store(until.seconds(), Ordering::Release);
}

impl<Of> Clone for Id<Of> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Of> Copy for Id<Of> {}
impl<Of> PartialEq for Id<Of> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<Of> Eq for Id<Of> {}
impl<Of> PartialOrd for Id<Of> {
    fn partial_cmp(&self, other: &Self) -> Option<Compared> {
        Some(self.cmp(other))
    }
}
impl<Of> Ord for Id<Of> {
    fn cmp(&self, other: &Self) -> Compared {
        self.0.cmp(&other.0)
    }
}
impl<Of> Hash for Id<Of> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<Of> fmt::Debug for Id<Of> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Id({})", self.0)
    }
}

impl<Of, DB> ToSql<BigInt, DB> for Id<Of>
where
    DB: Backend,
    i64: ToSql<BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> diesel::serialize::Result {
        self.0.to_sql(out)
    }
}

impl<Of, DB> FromSql<BigInt, DB> for Id<Of>
where
    DB: Backend,
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
        i64::from_sql(value).map(Self::from_number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_grow_are_positive_and_never_repeat() {
        let now = UnixTime::from_seconds(1_800_000_000);
        // The milliseconds and the counter only: another test may lease a node number meanwhile.
        let place = |key: i64| (key >> (NODE_BITS + COUNTER_BITS), key & ((1 << COUNTER_BITS) - 1));
        let keys: Vec<i64> = (0..10_000).map(|_| Id::<()>::next(now).number()).collect();
        assert!(keys.windows(2).all(|pair| place(pair[0]) < place(pair[1]) && pair[0] > 0));
        let earlier = Id::<()>::next(UnixTime::from_seconds(1_700_000_000)).number();
        assert!(place(earlier) > place(keys[9_999]), "a clock that goes back does not take keys back");
    }

    #[test]
    fn a_process_without_a_lease_makes_no_key_that_a_server_makes_at_the_same_moment() {
        let highest = i64::from(MAX_NODE);
        let (mut nodes, mut makers) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        for _ in 0..2_000 {
            let Maker { node, phase } = Maker::unleased();
            assert!(node > highest && node < 1 << NODE_BITS, "{node}");
            assert!((0..1_000 << COUNTER_BITS).contains(&phase), "{phase}");
            nodes.insert(node);
            makers.insert((node, phase));
        }
        assert!(nodes.len() > 200, "they share {} numbers", nodes.len());
        // Two of 2,000 are equal once in 500 runs; three equal pairs do not occur.
        assert!(makers.len() > 1_997, "they begin at the same places: {}", makers.len());
    }

    #[test]
    fn a_key_behind_another_nodes_is_higher_and_still_of_this_node() {
        let now = UnixTime::from_seconds(1_800_000_000);
        let node_of = |id: Id<()>| (id.number() >> COUNTER_BITS) & ((1 << NODE_BITS) - 1);
        let own = node_of(Id::next(now));
        for other in [0, 5, i64::from(MAX_NODE), 1_023] {
            let tick = LAST.load(Ordering::SeqCst) + (60_000 << COUNTER_BITS) + ((1 << COUNTER_BITS) - 1);
            let before = Id::from_number(number(tick, other));
            let after = Id::next_after(now, before);
            assert!(after > before && Id::next(now) > after, "{other}");
            assert_eq!(node_of(after), own, "else it is one that node {other} makes next");
        }
    }

    #[test]
    fn a_key_survives_its_uuid_form_and_a_foreign_uuid_is_none() {
        for number in [1, 0x7fff_ffff_ffff_ffff, 987_654_321_012_345] {
            let id = Id::<()>::from_number(number);
            assert_eq!(Id::from_uuid(&id.uuid()), Some(id), "{}", id.uuid());
            assert_eq!(id.uuid().as_bytes()[14], b'8');
        }
        assert_eq!(Id::<()>::from_uuid("46e1e919-8b73-42a3-a575-25c6d45fd93b"), None);
        assert_eq!(Id::<()>::from_uuid("é"), None);
    }
}
