//! Drives the machine of the authorization endpoint (RFC 6749 §4.1.1).

use std::borrow::Cow;

use oxide_auth::code_grant::authorization::{Authorization, Error, Input, Output, Request};
use oxide_auth::code_grant::error::AuthorizationErrorType;
use oxide_auth::primitives::grant::Extensions;
use oxide_auth::primitives::registrar::{BoundClient, ExactUrl, PreGrant, RegisteredUrl};

use super::{PLACEHOLDER, oxide_scope};
use crate::domain::scope::Scope;
use crate::oauth::parameters::Parameters;

/// The questions of the machine, in the order in which it asks them.
pub trait Answers {
    /// The error of a question that is answered with a refusal.
    type Refusal;
    /// Finds the client and checks that it may use the redirect URI.
    fn bind(&mut self, client_id: &str) -> Result<String, Self::Refusal>;
    /// Checks the extensions: PKCE and the other parameters of the request.
    fn extend(&mut self) -> Result<(), Self::Refusal>;
    /// Returns the part of the requested scope that may be granted.
    fn negotiate(&mut self) -> Result<Scope, Self::Refusal>;
    /// Returns the refusal for a request that the machine itself refuses.
    fn refused(&mut self, by: Verdict) -> Self::Refusal;
}

/// What the machine refuses by itself.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    /// No client is named.
    Ignored,
    /// The response type is not `code`.
    ResponseType,
    /// The scope cannot be read.
    Scope,
}

struct Asked<'a>(&'a Parameters);

impl Request for Asked<'_> {
    fn valid(&self) -> bool {
        true
    }
    fn client_id(&self) -> Option<Cow<'_, str>> {
        self.0.get("client_id").map(Cow::Borrowed)
    }
    fn scope(&self) -> Option<Cow<'_, str>> {
        self.0.get("scope").map(Cow::Borrowed)
    }
    fn redirect_uri(&self) -> Option<Cow<'_, str>> {
        None // compared by `bind`, as a string
    }
    fn state(&self) -> Option<Cow<'_, str>> {
        None // returned by us, byte for byte
    }
    fn response_type(&self) -> Option<Cow<'_, str>> {
        self.0.get("response_type").map(Cow::Borrowed)
    }
    fn extension(&self, _key: &str) -> Option<Cow<'_, str>> {
        None // read by `extend`
    }
}

/// Runs the machine to its end.
///
/// # Errors
/// The first refusal, of the machine or of an answer.
pub fn run<A: Answers>(parameters: &Parameters, answers: &mut A) -> Result<(), A::Refusal> {
    let asked = Asked(parameters);
    let mut machine = Authorization::new(&asked);
    let mut input = Input::None;
    loop {
        input = match machine.advance(input) {
            Output::Bind { client_id, .. } => {
                let client_id = answers.bind(&client_id)?;
                Input::Bound { request: &asked, bound_client: bound(client_id) }
            }
            Output::Extend => {
                answers.extend()?;
                Input::Extended(Extensions::new())
            }
            Output::Negotiate { bound_client, .. } => {
                let scope = answers.negotiate()?;
                let Some(scope) = oxide_scope(&scope) else { return Err(answers.refused(Verdict::Scope)) };
                let pre_grant = PreGrant {
                    client_id: bound_client.client_id.clone().into_owned(),
                    redirect_uri: bound_client.redirect_uri.clone().into_owned(),
                    scope,
                };
                Input::Negotiated { pre_grant, state: None }
            }
            Output::Ok { .. } => return Ok(()),
            Output::Err(Error::Redirect(mut error)) => {
                let verdict = match error.description().kind() {
                    AuthorizationErrorType::UnsupportedResponseType => Verdict::ResponseType,
                    _ => Verdict::Scope,
                };
                return Err(answers.refused(verdict));
            }
            Output::Err(Error::Ignore | Error::PrimitiveError) => return Err(answers.refused(Verdict::Ignored)),
        };
    }
}

fn bound(client_id: String) -> BoundClient<'static> {
    let placeholder = ExactUrl::new(PLACEHOLDER.to_owned()).expect("because it is an address");
    BoundClient { client_id: Cow::Owned(client_id), redirect_uri: Cow::Owned(RegisteredUrl::Exact(placeholder)) }
}
