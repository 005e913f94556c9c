//! The authorization endpoint (RFC 6749 §4.1.1): examine a request, remember a consent, issue a code.
//!
//! No half-approved request is stored: the form of the consent page sends the same query again, and it is examined
//! again.

use std::sync::Arc;

use super::interaction::PromptOptions;
use super::machine::authorization::{Answers, Verdict, run};
use super::parameters::Parameters;
use super::problem::Problem;
use super::pushed_request::{self, Source};
use super::{Refusal, openid, resource, scopes};
use crate::clock::UnixTime;
use crate::domain::authorization_code::AuthorizationCodeRecord;
use crate::domain::client::{Client, GrantType};
use crate::domain::consent::ConsentKind;
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::id::Id;
use crate::domain::jose::public_key::is_thumbprint;
use crate::domain::pkce::{ChallengeMethod, CodeChallenge};
use crate::domain::prompt;
use crate::domain::pushed_request::PushedRequestRecord;
use crate::domain::redirect_uri::{RedirectKind, RedirectUri};
use crate::domain::response_mode::ResponseMode;
use crate::domain::scope::Scope;
use crate::domain::secret::sha256_base64url;
use crate::domain::session::{Origin, Session};
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::token::{AuthorizationCode, Token};
use crate::domain::user::User;
use crate::outcome::Error;
use crate::store::{Database, authorization_codes, clients, consents, grants};
use crate::tokens::audience::Claim;
use crate::tokens::{TokenSettings, allowed_app_log, session_recheck};

/// The longest `nonce`, in bytes (ours; FAPI 2.0 asks for 64).
const MAX_NONCE: usize = 1_024;

/// An authorization request that passed every check.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    pub client: Arc<Client>,
    pub redirect_uri: RedirectUri,
    /// Whether the request named `redirect_uri`; then the token request must name it too (§4.1.3).
    pub named_redirect_uri: bool,
    /// Returned to the client unchanged.
    pub state: Option<String>,
    pub response_mode: ResponseMode,
    /// The scope that the person is asked to grant.
    pub scope: Scope,
    /// The challenge that the `code_verifier` must match.
    pub challenge: Option<CodeChallenge>,
    pub prompt_options: PromptOptions,
    /// The APIs that the tokens are for (RFC 8707).
    pub audience: SpaceSeparated,
    /// The row of the pushed request, if it was pushed; the decision uses it up.
    pub pushed: Option<Id<PushedRequestRecord>>,
    /// The row of the pushed request that must be kept longer while the person decides.
    pub to_extend: Option<Id<PushedRequestRecord>>,
    /// Repeated in the ID token (OpenID Connect Core §3.1.2.1).
    pub nonce: Option<String>,
    /// The thumbprint of the key with which the code must be redeemed (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
}

/// How an authorization request is refused.
#[derive(Clone, Debug)]
pub enum AuthorizationRefusal {
    /// The client or its redirect URI is not valid: a page is shown, never a redirect (§4.1.2.1).
    Page(Refusal),
    /// Another check failed: the answer is a redirect to the registered address of the client.
    Redirect(Box<RefusedRequest>),
}

/// A refused request whose client and redirect URI are valid.
#[derive(Clone, Debug)]
pub struct RefusedRequest {
    pub client: Arc<Client>,
    pub redirect_uri: RedirectUri,
    /// Returned to the client unchanged.
    pub state: Option<String>,
    pub response_mode: ResponseMode,
    /// Whether no page may be shown (`prompt=none`).
    pub is_silent: bool,
    pub refusal: Refusal,
    /// The refused scope, as the answer names it.
    pub scope: Option<String>,
}

struct Examination<'a> {
    db: &'a mut Database,
    token_settings: &'a TokenSettings,
    parameters: &'a Parameters,
    found: Option<(Arc<Client>, RedirectUri)>,
    challenge: Option<CodeChallenge>,
    scope: Scope,
    prompt_options: PromptOptions,
    audience: SpaceSeparated,
    source: Source,
}

/// Examines a request without writing.
///
/// # Errors
/// Why the request is refused, and whether a page or a redirect says so.
pub fn examine(
    db: &mut Database,
    token_settings: &TokenSettings,
    (parameters, source): (&Parameters, Source),
) -> Result<AuthorizationRequest, Error<AuthorizationRefusal>> {
    let mut examination = Examination {
        db,
        token_settings,
        parameters,
        found: None,
        challenge: None,
        scope: Scope::default(),
        prompt_options: PromptOptions::default(),
        audience: SpaceSeparated::default(),
        source,
    };
    run(parameters, &mut examination)?;
    let Examination { found, challenge, scope, prompt_options, audience, .. } = examination;
    let response_mode = parameters.get("response_mode").and_then(|mode| mode.parse().ok());
    let Some((client, redirect_uri)) = found else {
        return Err(Error::Refused(AuthorizationRefusal::Page((Problem::UnknownClient).into())));
    };
    Ok(AuthorizationRequest {
        client,
        redirect_uri,
        named_redirect_uri: parameters.get("redirect_uri").is_some(),
        state: parameters.get("state").map(str::to_owned),
        response_mode: response_mode.unwrap_or(ResponseMode::Query),
        scope,
        challenge,
        prompt_options,
        audience,
        pushed: match source {
            Source::Pushed { id, .. } => Some(id),
            Source::Sent | Source::Pushing => None,
        },
        to_extend: match source {
            Source::Pushed { id, is_held: false, .. } => Some(id),
            _ => None,
        },
        nonce: parameters.get("nonce").map(str::to_owned),
        dpop_jkt: parameters.get("dpop_jkt").map(str::to_owned),
    })
}

impl Examination<'_> {
    fn refuse(&self, refusal: impl Into<Refusal>) -> Error<AuthorizationRefusal> {
        let refusal = refusal.into();
        let scope = match refusal.problem == Problem::InvalidScope {
            true => scopes::named(self.parameters.get("scope")),
            false => None,
        };
        Error::Refused(match &self.found {
            None => AuthorizationRefusal::Page(refusal),
            Some((client, redirect_uri)) => AuthorizationRefusal::Redirect(Box::new(RefusedRequest {
                client: client.clone(),
                redirect_uri: redirect_uri.clone(),
                state: self.parameters.get("state").map(str::to_owned),
                response_mode: self.response_mode().unwrap_or(ResponseMode::Query),
                is_silent: self.parameters.get("prompt").is_some_and(prompt::is_silent),
                refusal,
                scope,
            })),
        })
    }

    /// Returns how the answer is sent; `None` when the mode is unknown or cannot work. No browser posts a form to a
    /// private-use scheme of a native app (ours).
    fn response_mode(&self) -> Option<ResponseMode> {
        let mode = self.parameters.get("response_mode").map_or(Some(ResponseMode::Query), |mode| mode.parse().ok());
        let is_native = self.found.as_ref().is_some_and(|(_, uri)| uri.kind() == RedirectKind::PrivateUse);
        mode.filter(|mode| *mode != ResponseMode::FormPost || !is_native)
    }

    /// Checks everything that can be refused with a redirect as soon as the redirect URI is known.
    fn check_shape(&self) -> Result<(), Refusal> {
        let parameters = self.parameters;
        let (client, _) = self.found.as_ref().ok_or(Problem::UnknownClient)?;
        let refuse = |problem, cause| Err(Refusal { problem, cause });
        match self.source {
            Source::Pushed { is_over: true, .. } => {
                return refuse(Problem::InvalidRequestUri, "the request_uri was used, or came after its time");
            }
            // RFC 9126 §6.
            Source::Sent if client.require_pushed_requests => return Err((Problem::PushedRequestRequired).into()),
            _ => {}
        }
        if parameters.has_repeats() {
            return refuse(Problem::RepeatedParameter, parameters.repeated_cause());
        }
        if parameters.get("nonce").is_some_and(|nonce| nonce.len() > MAX_NONCE) {
            return Err((Problem::NonceTooLong).into());
        }
        // OpenID Connect Core §7.2.1.
        if parameters.get("registration").is_some() {
            return Err((Problem::RegistrationNotSupported).into());
        }
        // OpenID Connect Core §6: a server that does not support request objects says so.
        if parameters.get("request").is_some() {
            return Err((Problem::RequestNotSupported).into());
        }
        if parameters.get("request_uri").is_some() {
            return Err((Problem::RequestUriNotSupported).into());
        }
        if self.response_mode().is_none() {
            return Err((Problem::UnsupportedResponseMode).into());
        }
        if parameters.get("dpop_jkt").is_some_and(|jkt| !is_thumbprint(jkt)) {
            return Err((Problem::InvalidDpopJkt).into());
        }
        if parameters.get("response_type").is_none() {
            return refuse(Problem::MissingParameter, "response_type is missing");
        }
        if !client.may_use(GrantType::AuthorizationCode) {
            return refuse(Problem::UnauthorizedClient, "the client did not register the grant authorization_code");
        }
        Ok(())
    }

    /// PKCE per client: required, optional, `plain` or not (RFC 7636 §4.4.1; RFC 9700 §2.1.1).
    fn check_challenge(&self) -> Result<Option<CodeChallenge>, Refusal> {
        let (client, _) = self.found.as_ref().ok_or(Problem::UnknownClient)?;
        let refuse = |cause| Err(Refusal { problem: Problem::InvalidChallenge, cause });
        let method = self.parameters.get("code_challenge_method");
        let Some(text) = self.parameters.get("code_challenge") else {
            return match method {
                Some(_) => refuse("code_challenge_method came without a code_challenge"),
                None if client.require_pkce || client.is_public() => Err((Problem::ChallengeRequired).into()),
                None => Ok(None),
            };
        };
        // An absent method means `plain` (RFC 7636 §4.3), which is accepted only from a client that may use it.
        let method = match method.unwrap_or("plain").parse() {
            Ok(ChallengeMethod::Plain) if client.allow_plain_pkce && !client.is_public() => ChallengeMethod::Plain,
            Ok(ChallengeMethod::S256) => ChallengeMethod::S256,
            Ok(ChallengeMethod::Plain) => {
                return refuse("the method plain (also when none is named) is off for this client");
            }
            Err(_) => return refuse("the code_challenge_method is unknown"),
        };
        let parsed = CodeChallenge::parse(text, method).map(Some);
        parsed.or_else(|_invalid| refuse("the code_challenge has not the form of its method"))
    }
}

impl Answers for Examination<'_> {
    type Refusal = Error<AuthorizationRefusal>;

    fn bind(&mut self, client_id: &str) -> Result<String, Self::Refusal> {
        let parameters = self.parameters;
        if parameters.is_repeated("client_id") || parameters.is_repeated("redirect_uri") {
            return Err(
                self.refuse(Refusal { problem: Problem::RepeatedParameter, cause: parameters.repeated_cause() })
            );
        }
        let client = clients::find_by_client_id(self.db, client_id)?.filter(|client| client.is_active());
        let Some(client) = client else { return Err(self.refuse(Problem::UnknownClient)) };
        let Some(redirect_uri) =
            client.redirect_uri(parameters.get("redirect_uri"), &self.token_settings.private_schemes)
        else {
            return Err(self.refuse(Problem::UnregisteredRedirectUri));
        };
        self.found = Some((client, redirect_uri));
        self.check_shape().map_err(|refusal| self.refuse(refusal))?;
        self.prompt_options = PromptOptions::parse(parameters).map_err(|problem| self.refuse(problem))?;
        Ok(client_id.to_owned())
    }

    fn extend(&mut self) -> Result<(), Self::Refusal> {
        self.challenge = self.check_challenge().map_err(|refusal| self.refuse(refusal))?;
        Ok(())
    }

    fn negotiate(&mut self) -> Result<Scope, Self::Refusal> {
        let (client, _) =
            self.found.as_ref().ok_or(Error::Refused(AuthorizationRefusal::Page((Problem::UnknownClient).into())))?;
        let (own, default, is_vouched) = (client.scope.clone(), scopes::default_of(client), client.is_vouched());
        let asked = scopes::parse_asked(self.parameters);
        let scope = asked.and_then(|asked| asked.map_or(Ok(default), |asked| scopes::effective(&asked, &own)));
        let scope = scope.map_err(|refusal| self.refuse(refusal))?;
        let (named, claim) = (self.parameters.resources(), Claim { scope: &scope, is_persons: true, is_vouched });
        let audience = resource::find_registered(self.db, self.token_settings, &named, claim)?;
        self.audience = audience.ok_or_else(|| self.refuse(Problem::InvalidTarget))?;
        self.scope = scope.clone();
        Ok(scope)
    }

    fn refused(&mut self, by: Verdict) -> Self::Refusal {
        self.refuse(match by {
            Verdict::Ignored => Problem::UnknownClient,
            Verdict::ResponseType => Problem::UnsupportedResponseType,
            Verdict::Scope => Problem::InvalidScope,
        })
    }
}

impl AuthorizationRequest {
    /// Whether a consent may be remembered and reused: only for an https address, which proves who
    /// receives the answer. Any program of the device can use a loopback port or a private scheme
    /// (RFC 8252 §8.6).
    pub fn has_proven_address(&self) -> bool {
        self.redirect_uri.kind() == RedirectKind::Https
    }

    /// Returns a digest of what the consent page shows, so that the person's decision counts only for that.
    pub fn shown_to(&self, user: Id<User>) -> String {
        let shown = format!(
            "{}\n{}\n{}\n{}\n{}\n{}",
            user.number(),
            self.client.client_id,
            self.scope,
            self.redirect_uri,
            self.audience.as_str(),
            self.state.as_deref().unwrap_or_default()
        );
        sha256_base64url(shown.as_bytes())
    }

    /// Returns the same request as a refused one.
    pub fn refused(&self, problem: Problem) -> RefusedRequest {
        RefusedRequest {
            client: self.client.clone(),
            redirect_uri: self.redirect_uri.clone(),
            state: self.state.clone(),
            response_mode: self.response_mode,
            is_silent: self.prompt_options.prompt.none,
            refusal: problem.into(),
            scope: None,
        }
    }
}

/// Issues a code for what the person allowed, and remembers the consent where the address is proven.
///
/// # Errors
/// [`Problem::InvalidRequestUri`] for a pushed request that was decided before, [`Problem::LoginRequired`] when the session has
/// ended since the page was shown.
pub fn approve(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    request: &AuthorizationRequest,
    (session, origin): (&Session, &Origin),
) -> Result<Token<AuthorizationCode>, Error<Problem>> {
    let found = session_recheck::lock_active(tx, now, &token_settings.lifetimes, session)?;
    let (session, user) = found.ok_or(Error::Refused(Problem::LoginRequired))?;
    if !pushed_request::consume(tx, now, request)? {
        return Err(Error::Refused(Problem::InvalidRequestUri));
    }
    let until = Some(now.plus(token_settings.lifetimes.refresh_max));
    let grant = Grant {
        user_id: Some(user.id),
        client_key: Some(request.client.id),
        session_id: Some(session.id),
        scope: request.scope.clone(),
        audience: request.audience.clone(),
        ..Grant::new(now, GrantKind::AuthorizationCode, until)
    };
    allowed_app_log::record_if_new(tx, now, (&grant, ConsentKind::Authorization), origin)?;
    grants::insert(tx, &grant)?;
    openid::remember_sign_in(tx, &grant, request.nonce.as_deref())?;
    let code = Token::<AuthorizationCode>::generate(Id::next(now));
    let record = AuthorizationCodeRecord {
        id: code.id(),
        digest: code.digest(),
        grant_id: grant.id,
        redirect_uri: request.named_redirect_uri.then(|| request.redirect_uri.as_str().to_owned()),
        code_challenge: request.challenge.as_ref().map(|challenge| challenge.text.clone()),
        code_challenge_method: request.challenge.as_ref().map(|challenge| challenge.method),
        failures: 0,
        created_at: now,
        expires_at: now.plus(token_settings.lifetimes.code),
        redeemed_at: None,
        dpop_jkt: request.dpop_jkt.clone(),
    };
    authorization_codes::insert(tx, &record)?;
    if request.has_proven_address() {
        let allowed = (ConsentKind::Authorization, &request.scope, &request.audience);
        consents::remember(tx, now, user.id, request.client.id, allowed)?;
    }
    Ok(code)
}
