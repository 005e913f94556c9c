//! The protocol rules of the RFCs: functions take parsed requests and return answers or refusals. No HTTP.

pub mod apis;
pub mod authorization;
pub mod client_assertion;
pub mod client_authentication;
pub mod client_changes;
pub mod client_document;
pub mod client_metadata;
pub mod clients;
pub mod consent;
pub mod device;
pub mod dpop;
pub mod dynamic_registration;
pub mod hosts;
pub mod interaction;
pub mod introspection;
mod machine;
pub mod metadata;
pub mod openid;
mod operator_marks;
pub mod parameters;
pub mod problem;
pub mod protected_resource;
pub mod pushed_request;
pub mod refusals;
pub mod request_start;
pub mod resource;
pub mod revocation;
pub mod scopes;
mod self_registered_update;
pub mod signing;
pub mod token;
pub mod used_proofs;

use crate::outcome::Error;
use problem::Problem;

/// A refused request: the public answer, and the cause, which only the application's owner and our log may see.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    pub problem: Problem,
    /// Why the request was refused: one fixed sentence.
    pub cause: &'static str,
}

impl From<Problem> for Refusal {
    /// Uses the problem's description as the cause.
    fn from(problem: Problem) -> Self {
        Self { problem, cause: problem.description() }
    }
}

/// The result of a decision in this module: a value, a [`Refusal`], or a failure of the store.
pub type Result<T> = std::result::Result<T, Error<Refusal>>;

impl Problem {
    /// Refuses with this public answer, because of `cause`.
    pub const fn because(self, cause: &'static str) -> Error<Refusal> {
        Error::Refused(Refusal { problem: self, cause })
    }
}
