//! How often a device may ask (RFC 8628 §3.5): kept in memory, since a poll that changes nothing is
//! not worth a write. Each node counts for itself (ours).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::UnixTime;
use crate::domain::device_code::{DeviceCodeRecord, INTERVAL};
use crate::domain::id::Id;

/// Devices that are kept; beyond it no new ones are counted until some have ended.
const MOST: usize = 100_000;

#[derive(Clone, Copy, Debug)]
struct Polls {
    last: UnixTime,
    interval: i64,
    until: UnixTime,
}

/// The devices that poll.
#[derive(Debug, Default)]
pub struct Pace(Mutex<HashMap<Id<DeviceCodeRecord>, Polls>>);

impl Pace {
    fn polls(&self) -> MutexGuard<'_, HashMap<Id<DeviceCodeRecord>, Polls>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a poll of a device that waits until then. `false` when it came too soon: then this and all
    /// later intervals are five seconds longer.
    pub fn note(&self, now: UnixTime, (device, until): (Id<DeviceCodeRecord>, UnixTime)) -> bool {
        let mut polls = self.polls();
        let Some(known) = polls.get_mut(&device) else {
            if polls.len() < MOST {
                polls.insert(device, Polls { last: now, interval: INTERVAL, until });
            }
            return true;
        };
        let is_patient = now.since(known.last) >= known.interval;
        known.last = now;
        if !is_patient {
            known.interval = known.interval.saturating_add(INTERVAL);
        }
        is_patient
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
