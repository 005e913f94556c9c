//! A refusal commits, a failure rolls back: the one place that decides between the two.

use crate::store::{Database, Store, StoreError};

/// Why work in a transaction gave no value. `R` is the refusal of the module that decides.
#[derive(Debug)]
pub enum Error<R> {
    /// A refusal is a normal answer, and it commits: the changes made before it stay (the grant of a replayed
    /// code is revoked, the failed attempt is counted).
    Refused(R),
    /// The store failed; the transaction is rolled back.
    Failed(StoreError),
}

impl<R> From<StoreError> for Error<R> {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl<R> Error<R> {
    /// Converts the refusal to the type of another module; a failure stays as it is.
    pub fn map_refusal<S>(self, words: impl FnOnce(R) -> S) -> Error<S> {
        match self {
            Self::Refused(refusal) => Error::Refused(words(refusal)),
            Self::Failed(error) => Error::Failed(error),
        }
    }
}

/// Runs one request's work in one transaction. `Ok` and `Refused` commit, `Failed` rolls back.
///
/// `work` may run more than once (a serialization failure, a lost batch), so it must decide from
/// its arguments and the database alone.
///
/// # Errors
/// What `work` refused, or why the store failed; after a failure nothing was written.
pub async fn transact<T, R, F>(store: &Store, work: F) -> Result<T, Error<R>>
where
    T: Send + 'static,
    R: Send + 'static,
    F: FnMut(&mut Database) -> Result<T, Error<R>> + Send + 'static,
{
    store.write(kept(work)).await?.map_err(Error::Refused)
}

/// Like [`transact`], for work that often only adds a grant and its token: [`Store::write_batched`].
///
/// # Errors
/// What `work` refused, or why the store failed; after a failure nothing was written.
pub async fn transact_batched<T, R, F>(store: &Store, work: F) -> Result<T, Error<R>>
where
    T: Send + 'static,
    R: Send + 'static,
    F: FnMut(&mut Database) -> Result<T, Error<R>> + Send + 'static,
{
    store.write_batched(kept(work)).await?.map_err(Error::Refused)
}

/// Runs one request's queries in a read; for requests that change nothing.
///
/// # Errors
/// What `work` refused, or why the store failed.
pub async fn consult<T, R, F>(store: &Store, work: F) -> Result<T, Error<R>>
where
    T: Send + 'static,
    R: Send + 'static,
    F: FnMut(&mut Database) -> Result<T, Error<R>> + Send + 'static,
{
    store.read(kept(work)).await?.map_err(Error::Refused)
}

/// Like [`consult`], for work that looks up a token and hardly anything else: [`Store::read_batched`].
///
/// # Errors
/// What `work` refused, or why the store failed.
pub async fn consult_batched<T, R, F>(store: &Store, work: F) -> Result<T, Error<R>>
where
    T: Send + 'static,
    R: Send + 'static,
    F: FnMut(&mut Database) -> Result<T, Error<R>> + Send + 'static,
{
    store.read_batched(kept(work)).await?.map_err(Error::Refused)
}

/// Converts `work` for the store, to which a refusal is a success and therefore commits.
fn kept<T, R>(
    mut work: impl FnMut(&mut Database) -> Result<T, Error<R>>,
) -> impl FnMut(&mut Database) -> Result<Result<T, R>, StoreError> {
    move |tx| match work(tx) {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Refused(refusal)) => Ok(Err(refusal)),
        Err(Error::Failed(error)) => Err(error),
    }
}
