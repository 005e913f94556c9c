//! Drives the machine of the refresh grant (RFC 6749 §6).

use std::borrow::Cow;

use oxide_auth::code_grant::error::AccessTokenErrorType;
use oxide_auth::code_grant::refresh::{Error, Input, Output, Refresh, Request};
use oxide_auth::primitives::issuer::{RefreshedToken, TokenType};

use super::{grant, until};
use crate::clock::UnixTime;
use crate::domain::scope::Scope;

/// The questions of the machine, in the order in which it asks them. The client was authenticated before the first one.
pub trait Answers {
    /// The error of a question that is answered with a refusal.
    type Refusal;
    /// The tokens that are issued.
    type Issued;
    /// Returns the client and the scope of a refresh token that is valid.
    fn recover(&mut self, refresh_token: &str) -> Result<(String, Scope), Self::Refusal>;
    /// Issues the tokens; the requested scope is within the grant's.
    fn issue(&mut self) -> Result<Self::Issued, Self::Refusal>;
    /// Returns the refusal for a request that the machine itself refuses.
    fn refused(&mut self, by: Verdict) -> Self::Refusal;
}

/// What the machine refuses by itself.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    /// The token belongs to another client.
    Grant,
    /// The scope is malformed or wider than what was granted.
    Scope,
}

struct Asked<'a> {
    client_id: &'a str,
    refresh_token: &'a str,
}

impl Request for Asked<'_> {
    fn valid(&self) -> bool {
        true
    }
    fn refresh_token(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.refresh_token))
    }
    fn scope(&self) -> Option<Cow<'_, str>> {
        None // passed with the answers below
    }
    fn grant_type(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed("refresh_token"))
    }
    fn authorization(&self) -> Option<(Cow<'_, str>, Cow<'_, [u8]>)> {
        // Sent for every client, also a public one: otherwise the machine would not compare it.
        Some((Cow::Borrowed(self.client_id), Cow::Borrowed(&[])))
    }
    fn extension(&self, _key: &str) -> Option<Cow<'_, str>> {
        None
    }
}

/// Runs the machine to its end for the authenticated client `client_id`.
///
/// # Errors
/// The first refusal, of the machine or of an answer.
pub fn run<A: Answers>(
    now: UnixTime,
    (client_id, refresh_token, scope): (&str, &str, Option<&str>),
    answers: &mut A,
) -> Result<A::Issued, A::Refusal> {
    let scope = || scope.map(Cow::Borrowed);
    let mut machine = Refresh::new(&Asked { client_id, refresh_token });
    // `Input::None` is sent once, for the first question; a second one would lose the state of the machine.
    let mut input = Input::None;
    let mut issued = None;
    loop {
        input = match machine.advance(input) {
            Output::Unauthenticated { .. } => Input::Authenticated { scope: scope() },
            Output::RecoverRefresh { token } => {
                let (owner, granted) = answers.recover(token)?;
                Input::Recovered { scope: scope(), grant: grant(&owner, &granted) }
            }
            Output::Refresh { .. } => {
                issued = Some(answers.issue()?);
                Input::Refreshed(RefreshedToken {
                    token: String::new(),
                    refresh: None,
                    until: until(now, 0),
                    token_type: TokenType::Bearer,
                })
            }
            Output::Ok(_) => break,
            Output::Err(error) => return Err(answers.refused(verdict(error))),
        };
    }
    issued.ok_or_else(|| answers.refused(Verdict::Grant))
}

fn verdict(error: Error) -> Verdict {
    match error {
        Error::Invalid(mut description) => match description.description().kind() {
            AccessTokenErrorType::InvalidScope => Verdict::Scope,
            _ => Verdict::Grant,
        },
        Error::Unauthorized(..) | Error::Primitive => Verdict::Grant,
    }
}
