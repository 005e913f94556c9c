//! Work without the types of its closure and its answer: the code that runs it is compiled once, not for each request.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Database, Result, StoreError};

/// Work that stores its answer in an [`Answer`].
pub type Job = Box<dyn FnMut(&mut Database) -> Result<()> + Send>;

/// The place where a job stores its answer.
pub struct Answer<T>(Arc<Mutex<Option<T>>>);

/// Makes a job of this work. When the job runs again, the last answer counts.
pub fn job<T, F>(mut work: F) -> (Job, Answer<T>)
where
    T: Send + 'static,
    F: FnMut(&mut Database) -> Result<T> + Send + 'static,
{
    let answer = Answer(Arc::default());
    let place = Arc::clone(&answer.0);
    let job = move |database: &mut Database| {
        let value = work(database)?;
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        Ok(())
    };
    (Box::new(job), answer)
}

impl<T> Answer<T> {
    /// Returns the answer of a job that succeeded.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the job stored none.
    pub fn take(self) -> Result<T> {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or_else(|| StoreError::Unavailable("the work left no answer".to_owned()))
    }
}
