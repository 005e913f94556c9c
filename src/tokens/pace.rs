//! How often a device may ask (RFC 8628 §3.5): kept in memory, since a poll that changes nothing is
//! not worth a write. Each node counts for itself (ours).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::UnixTime;
use crate::domain::bounded::make_room;
use crate::domain::device_code::{DeviceCodeRecord, INTERVAL};
use crate::domain::id::Id;

/// Devices that are kept; beyond it those go that asked longest ago.
const MOST: usize = 100_000;

/// Seconds by which a poll may seem early: clocks are read in whole seconds, and networks are not even.
const TOLERANCE: i64 = 1;

#[derive(Clone, Copy, Debug)]
struct Polls {
    last: UnixTime,
    until: UnixTime,
}

/// The devices that poll.
#[derive(Debug, Default)]
pub struct Pace(Mutex<HashMap<Id<DeviceCodeRecord>, Polls>>);

impl Pace {
    fn polls(&self) -> MutexGuard<'_, HashMap<Id<DeviceCodeRecord>, Polls>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a poll of a device that waits until then. `false` when it came too soon after the one before:
    /// the device then waits five seconds longer each time. We ask no more of it than the interval that it
    /// was told first, so that one early poll does not make every later one too early (ours).
    pub fn note(&self, now: UnixTime, (device, until): (Id<DeviceCodeRecord>, UnixTime)) -> bool {
        let mut polls = self.polls();
        let Some(known) = polls.get_mut(&device) else {
            make_room(&mut polls, MOST, |polls| polls.last);
            polls.insert(device, Polls { last: now, until });
            return true;
        };
        let passed = now.since(known.last);
        known.last = now;
        // A clock that was set back tells nothing.
        !(0..INTERVAL - TOLERANCE).contains(&passed)
    }

    /// Forgets the devices that ended without asking again.
    pub fn sweep(&self, now: UnixTime) {
        self.polls().retain(|_, polls| now < polls.until);
    }

    /// Forgets a device that has its answer.
    pub fn forget(&self, device: Id<DeviceCodeRecord>) {
        self.polls().remove(&device);
    }
}
