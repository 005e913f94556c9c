//! Both log-in methods from the app's side: what a careful app sends, and what it verifies in the answer.

use super::client::{Answer, Asking, CallError, Introspection, Tokens};
use super::session::{Attempt, SignedIn, Way, cut, unguessable};
use crate::clock::UnixTime;
use crate::oauth::parameters::Parameters;

/// The app's configuration and its client of Gatepost.
pub struct Fieldnotes {
    /// The app's own base URL.
    pub url: String,
    /// The URL of the sample API's notes.
    pub notes_url: String,
    /// The app's client of Gatepost.
    pub asking: Asking,
}

/// Why a log-in failed, in words for the person.
#[derive(Debug, thiserror::Error)]
pub enum LogInProblem {
    /// The answer cannot be parsed.
    #[error("The answer could not be read. Please log in again.")]
    Malformed,
    /// The log-in began in another browser, or its `state` was used before.
    #[error("This log-in did not begin in this browser, or it is over. Please log in again.")]
    Unexpected,
    /// The answer comes from another issuer (RFC 9207 §2.4).
    #[error("The answer did not come from Gatepost. Please log in again.")]
    AnotherIssuer,
    /// The person refused consent.
    #[error("You chose not to log in. Fieldnotes got nothing.")]
    Denied,
    /// The server answered with an error.
    #[error("Gatepost refused to log you in. Please try again.")]
    Refused,
    /// The token is not active, or it was issued to another app.
    #[error("The token that came was not made for Fieldnotes.")]
    ForeignToken,
    #[error("{0} Please try again.")]
    Call(#[from] CallError),
}

/// The result of a completed log-in, with the calls that it needed.
pub struct Arrival {
    /// The person and their tokens.
    pub signed_in: SignedIn,
    /// The calls, oldest first.
    pub tries: Vec<Attempt>,
}

impl Fieldnotes {
    fn redirect_uri(&self) -> String {
        format!("{}{CALLBACK}", self.url)
    }

    /// Begins a log-in by authorization code. Returns the URL to redirect to, the `state` of the answer, and
    /// the method with its `code_verifier`.
    ///
    /// # Errors
    /// When Gatepost does not answer.
    pub async fn begin_code(&self) -> Result<(String, String, Way), LogInProblem> {
        let (state, code_verifier) = (unguessable(), unguessable());
        let url = self.asking.authorization_url(&self.redirect_uri(), &state, &code_verifier).await?;
        Ok((url, state, Way::Code { code_verifier }))
    }

    /// Begins a log-in by login redirect. Returns the URL to redirect to, the `state` of the answer, and the
    /// method.
    pub fn begin_redirect(&self) -> (String, String, Way) {
        let (state, return_url) = (unguessable(), format!("{}{SIGNED_IN}", self.url));
        (self.asking.login_redirect_url(&return_url, &state), state, Way::Redirect)
    }

    /// Exchanges the authorization code of an answer for tokens (RFC 6749 §4.1.3).
    ///
    /// # Errors
    /// When the answer is refused or a call fails: the log-in failed.
    pub async fn finish_code(&self, returned: &Parameters, code_verifier: String) -> Result<Arrival, LogInProblem> {
        // The metadata promise `iss` in every answer, so an answer without it is refused (RFC 9207 §2.4).
        if returned.get("iss") != Some(self.asking.issuer()) {
            return Err(LogInProblem::AnotherIssuer);
        }
        let (code, redirect_uri) = (granted(returned, "code")?, self.redirect_uri());
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", &code_verifier),
        ];
        let answer = self.asking.token(&form).await?;
        let swap = Attempt::new("Swap the code for tokens", ("POST", &said(&form)), &answer);
        if !answer.is_success() {
            return Err(LogInProblem::Refused);
        }
        let mut arrival = self.recognize(answer.read()?, Way::Code { code_verifier }).await?;
        arrival.tries.insert(0, swap);
        Ok(arrival)
    }

    /// Uses the user token of an answer.
    ///
    /// # Errors
    /// When the answer is refused or a call fails: the log-in failed.
    pub async fn finish_redirect(&self, returned: &Parameters) -> Result<Arrival, LogInProblem> {
        let access_token = granted(returned, "token")?.to_owned();
        self.recognize(Tokens { access_token, refresh_token: None }, Way::Redirect).await
    }

    /// Introspects the token to learn who logged in. A token that was issued to another app is refused,
    /// because the operator of that app could replay it here.
    ///
    /// # Errors
    /// When a call fails, and when the token is not active or was issued to another app.
    pub async fn recognize(&self, tokens: Tokens, way: Way) -> Result<Arrival, LogInProblem> {
        let answer = self.asking.introspect(&tokens.access_token).await?;
        let found: Introspection = answer.read()?;
        if !found.active || found.client_id.as_deref() != Some(self.asking.client_id()) {
            return Err(LogInProblem::ForeignToken);
        }
        let asked = said(&[("token", tokens.access_token.as_str())]);
        let signed_in = SignedIn {
            name: found.username.unwrap_or_default(),
            way,
            token_kind: found.token_kind.unwrap_or_default(),
            token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            expires: found.exp.map(UnixTime::from_seconds),
        };
        Ok(Arrival { signed_in, tries: vec![Attempt::new("Ask who it is", ("POST", &asked), &answer)] })
    }

    /// Uses a refresh token to get new tokens (RFC 6749 §6). Returns the response even when it is an error,
    /// so that it can be shown.
    ///
    /// # Errors
    /// When Gatepost does not answer.
    pub async fn refresh(&self, refresh_token: &str) -> Result<(Answer, Attempt), CallError> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        let answer = self.asking.token(&form).await?;
        let attempt = Attempt::new("Refresh", ("POST", &said(&form)), &answer);
        Ok((answer, attempt))
    }
}

/// The path of the redirect URI.
pub const CALLBACK: &str = "/callback";
/// The path of the login return URL.
pub const SIGNED_IN: &str = "/signed-in";

/// Returns the requested parameter of an answer, or the error that the answer carries (RFC 6749 §4.1.2.1).
fn granted<'a>(returned: &'a Parameters, name: &str) -> Result<&'a str, LogInProblem> {
    match (returned.get("error"), returned.get(name)) {
        (Some("access_denied"), _) => Err(LogInProblem::Denied),
        (Some(_), _) => Err(LogInProblem::Refused),
        (None, Some(value)) => Ok(value),
        (None, None) => Err(LogInProblem::Malformed),
    }
}

/// Formats a form for display: secrets are shortened, and the client's credentials are left out.
fn said(form: &[(&str, &str)]) -> String {
    let is_open = |name: &str| matches!(name, "grant_type" | "redirect_uri");
    let line = |(name, value): &(&str, &str)| {
        format!("{name}={}", if is_open(name) { (*value).to_owned() } else { cut(value) })
    };
    form.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_before_everything_else_in_an_answer() {
        let judge = |query: &str| {
            let returned = Parameters::parse(query.as_bytes()).expect("because it is UTF-8");
            granted(&returned, "code").map(str::to_owned).map_err(|problem| problem.to_string())
        };
        assert_eq!(judge("code=abc").as_deref(), Ok("abc"));
        assert_eq!(judge("error=access_denied&code=abc"), Err(LogInProblem::Denied.to_string()));
        assert_eq!(judge("error=%3Cb%3E"), Err(LogInProblem::Refused.to_string()));
        assert_eq!(judge("state=s"), Err(LogInProblem::Malformed.to_string()));
    }

    #[test]
    fn a_request_is_shown_without_its_secrets() {
        let form = [("grant_type", "refresh_token"), ("refresh_token", "gpr_0123456789abcdef")];
        assert_eq!(said(&form), "grant_type=refresh_token\nrefresh_token=gpr_01234567…");
    }
}
