//! What runs beside requests: once a second the last uses of tokens are written down.

use std::sync::Arc;
use std::time::Duration;

use crate::store::Store;
use crate::tokens::Mint;
use crate::tokens::last_use;

/// How long uses are gathered before they are written.
const GATHER: Duration = Duration::from_secs(1);
/// Uses per transaction, so that a request's write never waits long behind them.
const BATCH: usize = 500;

/// Writes what was gathered.
pub async fn flush(store: &Store, mint: &Mint) {
    let mut taken = mint.last_use.take();
    while !taken.is_empty() {
        let batch = taken.split_off(taken.len().saturating_sub(BATCH));
        let written = batch.clone();
        if let Err(error) = store.write(move |tx| last_use::write(tx, &written)).await {
            tracing::warn!(%error, "last uses could not be written; they are kept for the next second");
            taken.extend(batch);
            mint.last_use.put_back(taken);
            return;
        }
    }
}

/// Runs until it is dropped.
pub async fn run(store: Store, mint: Arc<Mint>) {
    loop {
        tokio::time::sleep(GATHER).await;
        flush(&store, &mint).await;
    }
}
