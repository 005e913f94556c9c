//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0 §2): an application sends the browser here to log
//! the person out. The redirect URI afterwards must be registered; what the application proves decides whether the
//! person is asked.

use std::sync::Arc;

use url::form_urlencoded;

use super::id_token::Hint;
use crate::domain::client::Client;
use crate::domain::id::Id;
use crate::domain::redirect_uri::RedirectUri;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;
use crate::oauth::signing::Signer;
use crate::outcome::Error;
use crate::store::{Database, clients};

/// A logout request that passed every check.
#[derive(Clone, Debug)]
pub struct LogoutRequest {
    /// The client, when the request names one.
    pub client: Option<Arc<Client>>,
    /// The person whom the hint names, in UUID form.
    pub sub: Option<String>,
    /// The redirect after the logout, with the state.
    pub onward: Option<Onward>,
}

/// The redirect to the application after the logout.
#[derive(Clone, Debug)]
pub struct Onward {
    /// The host, to be shown to the person.
    pub host: String,
    /// The URL with the state in its query.
    pub location: String,
}

/// A logout request as it was sent.
#[derive(Clone, Debug)]
pub struct Asked {
    client_id: Option<String>,
    hint: Option<Secret>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

impl Asked {
    /// Reads the parameters.
    ///
    /// # Errors
    /// [`Problem::RepeatedParameter`] when a parameter was repeated.
    pub fn parse(parameters: &Parameters) -> Result<Self, Problem> {
        if parameters.has_repeats() {
            return Err(Problem::RepeatedParameter);
        }
        let (client_id, hint) = (parameters.get("client_id").map(str::to_owned), parameters.get("id_token_hint"));
        let hint = hint.map(Secret::new);
        let text = |name| parameters.get(name).map(str::to_owned);
        Ok(Self { client_id, hint, post_logout_redirect_uri: text("post_logout_redirect_uri"), state: text("state") })
    }

    /// Finds, without writing, the person of the hint, the client and the redirect after the logout. `schemes` are
    /// the private-use schemes without a dot that the operator allows now.
    ///
    /// # Errors
    /// When this server did not issue the hint, or issued it to another client; when the client or the redirect URI
    /// is not valid.
    pub fn examine(
        &self,
        db: &mut Database,
        signer: &Signer,
        schemes: &[String],
    ) -> Result<LogoutRequest, Error<Problem>> {
        let hint = self.read_hint(db, signer)?;
        let client_id = self.client_id.as_ref().or(hint.as_ref().map(|hint| &hint.aud));
        let client = match client_id {
            Some(client_id) => {
                let client = clients::find_by_client_id(db, client_id)?.filter(|client| client.is_active());
                Some(client.ok_or(Error::Refused(Problem::UnknownClient))?)
            }
            None => None,
        };
        let onward = match (&self.post_logout_redirect_uri, &client) {
            (None, _) => None,
            (Some(_), None) => return Err(Error::Refused(Problem::LogoutWithoutClient)),
            (Some(asked), Some(client)) => Some(self.onward(client, asked, schemes).map_err(Error::Refused)?),
        };
        Ok(LogoutRequest { client, sub: hint.map(|hint| hint.sub), onward })
    }

    /// Reads the hint. An expired one is accepted (§2: it need not be valid any more).
    fn read_hint(&self, db: &mut Database, signer: &Signer) -> Result<Option<Hint>, Error<Problem>> {
        let Some(text) = &self.hint else { return Ok(None) };
        let hint = Hint::read(db, signer, text.expose())?.ok_or(Error::Refused(Problem::InvalidHint))?;
        match &self.client_id {
            Some(client_id) if *client_id != hint.aud => Err(Error::Refused(Problem::ForeignHint)),
            _ => Ok(Some(hint)),
        }
    }

    /// Returns the redirect to an address that is registered for this, compared exactly (§3.1), with the state
    /// added to its query.
    fn onward(&self, client: &Client, asked: &str, schemes: &[String]) -> Result<Onward, Problem> {
        let is_registered = client.post_logout_redirect_uris.contains(asked);
        let uri: RedirectUri = asked.parse().map_err(|_invalid| Problem::UnregisteredPostLogoutUri)?;
        if !is_registered || !client.may_be_sent_to(&uri, schemes) {
            return Err(Problem::UnregisteredPostLogoutUri);
        }
        let state = self.state.as_ref().map(|state| {
            let joint = if asked.contains('?') { '&' } else { '?' };
            let coded = form_urlencoded::byte_serialize(state.as_bytes()).collect::<String>();
            format!("{joint}state={coded}")
        });
        Ok(Onward { host: uri.host(), location: format!("{asked}{}", state.unwrap_or_default()) })
    }
}

impl LogoutRequest {
    /// Whether the person may be redirected without a click: the operator verified the application, or the hint
    /// names the person whose session was ended. Otherwise anybody could use this server as an open redirector
    /// (RFC 9700 §4.11.2), also with an old ID token of their own.
    pub fn may_go_on(&self, ended: Option<Id<User>>) -> bool {
        let is_theirs = ended.is_some_and(|user| self.sub == Some(user.uuid()));
        is_theirs || self.client.as_ref().is_some_and(|client| client.verified_at.is_some())
    }
}
