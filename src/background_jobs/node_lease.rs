//! The node number of this server: leased when it starts, renewed once a minute, returned when it stops.
//!
//! After a crash the number stays leased until the lease expires. A server that was suspended for longer than
//! its lease creates no more ids with its number (see [`id::hold`]); when it resumes, it leases a number again.

use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::rand;

use crate::clock::UnixTime;
use crate::domain::id::{self, Id, MAX_NODE};
use crate::domain::node::{LEASE, MARGIN, NodeRecord, choose};
use crate::store::{Database, Result, Store, StoreError, nodes};

/// The lease of one running server: a random holder and its number.
#[derive(Debug)]
pub struct NodeLease {
    holder: i64,
    number: AtomicI64,
}

impl NodeLease {
    /// Leases a number: the one that the operator configured, unless another server holds it.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when all numbers are held.
    pub async fn take(store: &Store, now: UnixTime, wanted: Option<u16>) -> Result<Self> {
        let mut bytes = [0; 8];
        rand::fill(&mut bytes).expect("because the operating system's randomness is always available");
        let holder = i64::from_be_bytes(bytes);
        let number = store.write(move |tx| lease(tx, now, holder, wanted)).await?;
        if let Some(wanted) = wanted.filter(|wanted| *wanted != number) {
            tracing::warn!(
                node_id = wanted,
                number,
                "another server holds this node_id, or this one did before it crashed; another number is used"
            );
        }
        id::hold(number, now.plus(LEASE - MARGIN));
        Ok(Self { holder, number: AtomicI64::new(i64::from(number)) })
    }

    /// Returns the number that was leased last.
    pub fn number(&self) -> i64 {
        self.number.load(Ordering::Relaxed)
    }

    /// Renews the lease; leases another number if another server took this one meanwhile.
    ///
    /// # Errors
    /// When the store fails; the lease stays valid until it expires.
    pub async fn renew(&self, store: &Store, now: UnixTime) -> Result<()> {
        let (holder, before) = (self.holder, self.number());
        let number = store
            .write(move |tx| match nodes::extend(tx, (Id::from_number(before), holder), now.plus(LEASE))? {
                true => Ok(None),
                false => lease(tx, now, holder, None).map(Some),
            })
            .await?;
        if let Some(number) = number {
            tracing::warn!(before, number, "this server did not renew its number in time; it uses another one");
            self.number.store(i64::from(number), Ordering::Relaxed);
        }
        // A leased number is at most MAX_NODE.
        id::hold(u16::try_from(self.number()).unwrap_or(MAX_NODE), now.plus(LEASE - MARGIN));
        Ok(())
    }

    /// Ends the lease; this server creates no more ids.
    ///
    /// # Errors
    /// When the store fails; then the lease expires by itself.
    pub async fn give_back(&self, store: &Store, now: UnixTime) -> Result<()> {
        let lease = (Id::from_number(self.number()), self.holder);
        store.write(move |tx| nodes::extend(tx, lease, now).map(drop)).await
    }
}

fn lease(tx: &mut Database, now: UnixTime, holder: i64, wanted: Option<u16>) -> Result<u16> {
    let nodes = nodes::list_for_lease(tx)?;
    let number = choose(&nodes, now, wanted).ok_or_else(|| {
        StoreError::Unusable(
            "all node numbers are held by other servers; wait five minutes, then start again".to_owned(),
        )
    })?;
    let id = Id::from_number(i64::from(number));
    nodes::put(tx, &NodeRecord { id, holder, leased_at: now, expires_at: now.plus(LEASE) })?;
    Ok(number)
}
