//! Drives the machine of the code exchange (RFC 6749 §4.1.3).

use std::borrow::Cow;

use oxide_auth::code_grant::accesstoken::{AccessToken, Authorization, Input, Output, Request};
use oxide_auth::primitives::issuer::{IssuedToken, TokenType};

use super::{PLACEHOLDER, grant, until};
use crate::clock::UnixTime;
use crate::domain::scope::Scope;

/// The questions of the machine, in the order in which it asks them. The client was authenticated before the first one.
pub trait Answers {
    /// The error of a question that is answered with a refusal.
    type Refusal;
    /// The tokens that are issued.
    type Issued;
    /// Returns the client and the scope of a code that is valid, unused and issued for this redirect URI.
    fn recover(&mut self, code: &str) -> Result<(String, Scope), Self::Refusal>;
    /// Checks that the verifier matches the challenge.
    fn extend(&mut self) -> Result<(), Self::Refusal>;
    /// Issues the tokens of the grant.
    fn issue(&mut self) -> Result<Self::Issued, Self::Refusal>;
    /// Returns the refusal for a request that the machine itself refuses.
    fn refused(&mut self) -> Self::Refusal;
}

struct Asked<'a> {
    client_id: &'a str,
    code: &'a str,
}

impl Request for Asked<'_> {
    fn valid(&self) -> bool {
        true
    }
    fn code(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.code))
    }
    fn authorization(&self) -> Authorization<'_> {
        Authorization::Username(Cow::Borrowed(self.client_id))
    }
    fn client_id(&self) -> Option<Cow<'_, str>> {
        None // beside a user name it would count as a second authentication
    }
    fn redirect_uri(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(PLACEHOLDER))
    }
    fn grant_type(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed("authorization_code"))
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
    (client_id, code): (&str, &str),
    answers: &mut A,
) -> Result<A::Issued, A::Refusal> {
    let mut machine = AccessToken::new(&Asked { client_id, code });
    let mut input = Input::None;
    let mut issued = None;
    loop {
        input = match machine.advance(input) {
            Output::Authenticate { .. } => Input::Authenticated,
            Output::Recover { code } => {
                let (owner, scope) = answers.recover(code)?;
                Input::Recovered(grant(&owner, &scope))
            }
            Output::Extend { .. } => {
                answers.extend()?;
                Input::Extended { access_extensions: oxide_auth::primitives::grant::Extensions::new() }
            }
            Output::Issue { .. } => {
                issued = Some(answers.issue()?);
                Input::Issued(IssuedToken {
                    token: String::new(),
                    refresh: None,
                    until: until(now, 0),
                    token_type: TokenType::Bearer,
                })
            }
            Output::Ok(_) => break,
            Output::Err(_) => return Err(answers.refused()),
        };
    }
    issued.ok_or_else(|| answers.refused())
}
