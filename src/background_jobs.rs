//! Jobs that run beside requests: they write gathered last uses, failure counts and refusals, send emails,
//! delete what expired, and rotate the signing keys.

mod node_lease;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future;

use crate::clock::{Clock, UnixTime};
use crate::identity::deletion;
use crate::identity::throttle::{self, Throttle};
use crate::mail::Mail;
use crate::oauth::refusals::{self, Refusals};
use crate::oauth::signing::Signer;
use crate::store::{Result, Store, cleaning, device_codes};
use crate::tokens::TokenSettings;
use crate::tokens::device_polls::DevicePolls;
use crate::tokens::last_use::{self, LastUse};

pub use node_lease::NodeLease;

/// How long uses, failures and refusals are gathered before they are written.
const GATHER: Duration = Duration::from_secs(1);
/// Uses per transaction, so that a request's write never waits long behind them.
const BATCH: usize = 500;
/// Seconds between two runs of the jobs that renew, rotate and delete.
const CLEANING: u32 = 60;

/// Writes the last uses that were gathered; after an error they are kept for the next run.
pub async fn flush(store: &Store, last_use: &LastUse) {
    let mut taken = last_use.take();
    while !taken.is_empty() {
        let batch = taken.split_off(taken.len().saturating_sub(BATCH));
        let written = batch.clone();
        if let Err(error) = store.write(move |tx| last_use::write(tx, &written)).await {
            tracing::warn!(%error, "last uses could not be written; they are kept for the next second");
            taken.extend(batch);
            last_use.put_back(taken);
            return;
        }
    }
}

/// Writes the refusals that were gathered; after an error they are kept for the next run.
pub async fn flush_refusals(store: &Store, gathered: &Refusals) {
    let mut taken = gathered.take();
    while let Some(lines) = taken.pop() {
        let written = lines.clone();
        if let Err(error) = store.write(move |tx| refusals::write(tx, &written)).await {
            tracing::warn!(%error, "refusals could not be written down; they are kept for the next second");
            taken.push(lines);
            gathered.put_back(taken);
            return;
        }
    }
}

/// Ends grants that no device fetched and deletes expired rows. Returns the number of deleted rows.
///
/// # Errors
/// When the store fails; what was removed before stays removed.
pub async fn clean(store: &Store, now: UnixTime) -> Result<usize> {
    store.write(move |tx| device_codes::end_unfetched(tx, now)).await?;
    let mut removed = 0;
    loop {
        match store.write(move |tx| cleaning::clean(tx, now)).await? {
            0 => return Ok(removed),
            rows => removed += rows,
        }
        // Other writes run between two batches.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What the background jobs work on.
pub struct BackgroundJobs {
    pub store: Store,
    /// The lifetimes and keys by which signing keys are replaced and encrypted.
    pub token_settings: Arc<TokenSettings>,
    /// The last uses that are not written yet.
    pub last_use: Arc<LastUse>,
    pub device_polls: Arc<DevicePolls>,
    pub mail: Arc<Mail>,
    pub signer: Arc<Signer>,
    pub throttle: Arc<Throttle>,
    /// Gathers refusals for the owners of clients.
    pub refusals: Arc<Refusals>,
    /// The lease of this server's node number.
    pub node: Arc<NodeLease>,
    pub clock: Clock,
}

/// Runs all background jobs until the future is dropped.
pub async fn run(jobs: BackgroundJobs) {
    // A slow mail server does not delay the other jobs.
    future::join(run_periodic_jobs(&jobs), send_emails(&jobs)).await;
}

async fn send_emails(BackgroundJobs { store, mail, clock, .. }: &BackgroundJobs) {
    loop {
        mail.wait().await;
        if let Err(error) = mail.deliver(store, clock.now()).await {
            tracing::warn!(%error, "the outbox could not be read; it is tried again in a moment");
        }
    }
}

async fn run_periodic_jobs(
    BackgroundJobs { store, token_settings, last_use, device_polls, signer, throttle, refusals, node, clock, .. }: &BackgroundJobs,
) {
    let mut seconds: u32 = 0;
    loop {
        tokio::time::sleep(GATHER).await;
        flush(store, last_use).await;
        throttle::flush(store, throttle, clock.now()).await;
        flush_refusals(store, refusals).await;
        seconds = seconds.wrapping_add(1);
        if seconds.is_multiple_of(CLEANING) {
            if let Err(error) = node.renew(store, clock.now()).await {
                tracing::warn!(%error, "the number of this server could not be renewed; it is tried again in a minute");
            }
            if let Err(error) = signer.maintain_keys(store, token_settings, clock.now()).await {
                tracing::error!(%error, "the signing keys could not be looked after; it is tried again in a minute");
            }
            device_polls.sweep(clock.now());
            throttle.sweep(clock.now());
            match deletion::erase_due(store, clock.now()).await {
                Ok(0) => {}
                Ok(people) => tracing::info!(people, "erased the accounts that were deleted a day ago"),
                Err(error) => {
                    tracing::warn!(%error, "deleted accounts could not be erased; it is tried again in a minute")
                }
            }
            match clean(store, clock.now()).await {
                Ok(0) => {}
                Ok(rows) => tracing::debug!(rows, "removed what had ended"),
                Err(error) => {
                    tracing::warn!(%error, "what has ended could not be removed; it is tried again in a minute")
                }
            }
        }
    }
}
