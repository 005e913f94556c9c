//! How often a device may poll (RFC 8628 §3.5): kept in memory, since a poll that changes nothing is not worth
//! a write. Each node counts for itself (ours).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::UnixTime;
use crate::domain::bounded::remove_oldest_when_full;
use crate::domain::device_code::{DeviceCodeRecord, INTERVAL};
use crate::domain::id::Id;

/// Devices that are remembered; beyond that the ones that polled longest ago are removed.
const MOST: usize = 100_000;

/// Seconds by which a poll may be early: clocks are read in whole seconds, and network delays vary.
const TOLERANCE: i64 = 1;

#[derive(Clone, Copy, Debug)]
struct PollTimes {
    last: UnixTime,
    until: UnixTime,
}

/// The last poll of each device that waits for its user.
#[derive(Debug, Default)]
pub struct DevicePolls(Mutex<HashMap<Id<DeviceCodeRecord>, PollTimes>>);

impl DevicePolls {
    fn polls(&self) -> MutexGuard<'_, HashMap<Id<DeviceCodeRecord>, PollTimes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a poll of a device whose code expires at `until`. `false` when it came too soon after the one
    /// before: the device then waits five seconds longer each time. The interval that is enforced stays the
    /// first one, so that one early poll does not make every later one too early (ours).
    pub fn note(&self, now: UnixTime, (device, until): (Id<DeviceCodeRecord>, UnixTime)) -> bool {
        let mut polls = self.polls();
        let Some(known) = polls.get_mut(&device) else {
            remove_oldest_when_full(&mut polls, MOST, |polls| polls.last);
            polls.insert(device, PollTimes { last: now, until });
            return true;
        };
        let passed = now.since(known.last);
        known.last = now;
        // A negative time means that the clock was set back: the poll is accepted.
        !(0..INTERVAL - TOLERANCE).contains(&passed)
    }

    /// Forgets the devices whose codes expired.
    pub fn sweep(&self, now: UnixTime) {
        self.polls().retain(|_, polls| now < polls.until);
    }

    /// Forgets a device that has its final answer.
    pub fn forget(&self, device: Id<DeviceCodeRecord>) {
        self.polls().remove(&device);
    }
}
