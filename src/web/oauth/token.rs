//! `POST /oauth/token` (RFC 6749 §3.2).

use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, PRAGMA};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::client_keys::with_keys;
use super::signing::{self, Texts};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::secret::Secret;
use crate::domain::session::Origin;
use crate::identity::throttle::Throttled;
use crate::oauth::Refusal;
use crate::oauth::client_authentication::{ClientCredentials, prove};
use crate::oauth::dpop::Proven;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;
use crate::oauth::scopes;
use crate::oauth::token::{self, TokenRequest, TokenResponse, binding};
use crate::outcome::{Error, consult_batched, transact, transact_batched};
use crate::store::clients;
use crate::web::api::bearer::has_two_authorizations;
use crate::web::app::App;
use crate::web::error::{TokenError, log_failure};
use crate::web::{body, dpop};

/// The token response (RFC 6749 §5.1).
#[derive(Serialize)]
struct Body<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    // An empty scope is not a valid scope (RFC 6749 §3.3), so it is left out.
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
}

/// Responds to a token request.
pub async fn post(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, TokenError> {
    let parameters = read(&request, payload).await?;
    respond(&app, &request, &parameters).await
}

/// Responds to a token request whose parameters were parsed from a form or from JSON.
pub(in crate::web) async fn respond(
    app: &Data<App>,
    request: &HttpRequest,
    parameters: &Parameters,
) -> Result<HttpResponse, TokenError> {
    let (credentials, attempt) = admit(app, request, parameters)?;
    let refused = |refusal| attempt.refuse(refusal);
    let token_request = TokenRequest::parse(parameters).map_err(refused)?;
    let (now, issued_token_type) = (app.now(), token_request.issued_token_type());
    let credentials = with_keys(app, credentials, &attempt.address).await?;
    // Before the client's assertion is used up, because the client may have to send the request again with a nonce.
    let proven = dpop::proven(app, request, None).map_err(refused)?;
    let audiences = audiences(app, &credentials);
    let asked = (token_request.clone(), proven.as_ref());
    let response = answer(app, now, (credentials, audiences), asked, app.origin_of(request)).await;
    let response = token::limit_polls(now, &app.token_settings, &app.device_polls, &token_request, response);
    let response = attempt.finish(app, response).await?;
    let texts = signing::texts(app, now, &response).await?;
    let mut answer = render(&response, &texts, (proven.is_some(), issued_token_type));
    if proven.is_some() {
        dpop::add_nonce(app, answer.headers_mut());
    }
    Ok(answer)
}

/// Parses the form of an endpoint for programs. Repeated parameters are refused.
pub(in crate::web) async fn read(request: &HttpRequest, payload: Payload) -> Result<Parameters, TokenError> {
    let parameters = body::form(request, payload).await?;
    let parameters = not_empty(request, parameters)?;
    parameters
        .check_repeats()
        .map_err(|refusal| TokenError::from(refusal).of_client(named(request, &parameters).as_deref(), false))?;
    Ok(parameters)
}

/// Refuses an empty request. It does not count as a failed authentication.
pub(in crate::web) fn not_empty(request: &HttpRequest, parameters: Parameters) -> Result<Parameters, TokenError> {
    if parameters.is_empty() && !request.headers().contains_key(AUTHORIZATION) {
        let refusal = Refusal { problem: Problem::MissingParameter, cause: "the request is empty" };
        return Err(TokenError::from(refusal));
    }
    Ok(parameters)
}

/// An attempt of a client to authenticate: its `client_id` and its network address.
pub(in crate::web) struct ClientAttempt {
    client_id: String,
    address: String,
    /// The requested scope, as it was sent.
    scope: Option<String>,
}

/// Authenticates a client by its signed assertion, which is verified and used up. The other methods are left
/// to [`authenticate`](crate::oauth::client_authentication::authenticate).
pub(in crate::web) async fn prove_client(
    app: &Data<App>,
    request: &HttpRequest,
    parameters: &Parameters,
) -> Result<(ClientCredentials, ClientAttempt), TokenError> {
    let (credentials, attempt) = admit(app, request, parameters)?;
    let credentials = with_keys(app, credentials, &attempt.address).await?;
    let may = |client: &Client| may_sign(app, client, &attempt.address);
    let audiences = audiences(app, &credentials);
    let proven = prove(&app.store, app.now(), credentials, audiences, may).await;
    let proven = attempt.finish(app, proven).await?;
    Ok((proven, attempt))
}

/// Checks whether one more assertion of a client may be stored. Assertions of clients that every caller can
/// impersonate are limited.
fn may_sign(app: &App, client: &Client, address: &str) -> Result<(), Refusal> {
    if !client.is_anybodys() {
        return Ok(());
    }
    let refused =
        |_throttled| Refusal { problem: Problem::TooManySigned, cause: "too many signed requests of this network" };
    app.throttle.attempt_signed(app.now(), address).map_err(refused)
}

/// Returns the audiences that a client's assertion may name, at every endpoint: the issuer and the token
/// endpoint (RFC 7523 §3, item 3; RFC 9126 §2), as in the metadata. Empty for credentials that are not signed.
fn audiences(app: &App, credentials: &ClientCredentials) -> Vec<String> {
    if !credentials.are_signed() {
        return Vec::new();
    }
    let issuer = &app.public.issuer;
    vec![issuer.clone(), format!("{issuer}/oauth/token")]
}

/// Parses the credentials of a client, unless it failed to authenticate too often from this network.
fn admit(
    app: &App,
    request: &HttpRequest,
    parameters: &Parameters,
) -> Result<(ClientCredentials, ClientAttempt), TokenError> {
    let credentials = authorization(request).and_then(|header| ClientCredentials::parse(header, parameters));
    let credentials = credentials
        .map_err(|refusal| TokenError::from(refusal).of_client(named(request, parameters).as_deref(), false))?;
    let (client_id, scope) = (credentials.client_id().to_owned(), parameters.get("scope").map(str::to_owned));
    let attempt = ClientAttempt { client_id, address: app.origin_of(request).address, scope };
    let admitted = app.throttle.admit_client(app.now(), &attempt.client_id, &attempt.address);
    admitted.map_err(|Throttled(seconds)| TokenError::throttled(seconds).of_client(Some(&attempt.client_id), false))?;
    Ok((credentials, attempt))
}

impl ClientAttempt {
    /// Returns the value, or the error response. A failed authentication is counted.
    pub(in crate::web) async fn finish<T>(
        &self,
        app: &App,
        decided: Result<T, Error<Refusal>>,
    ) -> Result<T, TokenError> {
        let error = match decided {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let is_failure = matches!(&error, Error::Refused(refusal) if refusal.problem == Problem::InvalidClient);
        // These rules are checked after the client was authenticated.
        let has_authenticated =
            matches!(&error, Error::Refused(refusal) if refusal.problem.code() != Problem::InvalidClient.code());
        if is_failure && let Err(Throttled(seconds)) = self.count_failure(app).await {
            return Err(TokenError::throttled(seconds));
        }
        let asked = match &error {
            Error::Refused(refusal) if refusal.problem == Problem::InvalidScope => scopes::named(self.scope.as_deref()),
            _ => None,
        };
        Err(TokenError::naming(error, asked).of_client(Some(&self.client_id), has_authenticated))
    }

    /// Counts a failed authentication: for the client, or only for the network when no client has this `client_id`.
    async fn count_failure(&self, app: &App) -> Result<(), Throttled> {
        let client_id = self.client_id.clone();
        let found = app.store.read(move |db| clients::find_by_client_id(db, &client_id)).await;
        let is_known = found.unwrap_or_else(|error| {
            log_failure(&error);
            None
        });
        if is_known.is_none() {
            return app.throttle.unknown_client_failed(app.now(), &self.address);
        }
        app.throttle.client_failed(app.now(), &self.client_id, &self.address);
        Ok(())
    }

    /// Refuses a request before the client is authenticated.
    pub(in crate::web) fn refuse(&self, refusal: Refusal) -> TokenError {
        TokenError::from(refusal).of_client(Some(&self.client_id), false)
    }
}

/// Returns the `client_id` that a request names, whether or not it is valid.
pub(in crate::web) fn named(request: &HttpRequest, parameters: &Parameters) -> Option<String> {
    ClientCredentials::name_in(authorization(request).ok().flatten(), parameters)
}

/// Returns the `Authorization` header. A client must not use more than one authentication method in a request
/// (RFC 6749 §2.3).
fn authorization(request: &HttpRequest) -> Result<Option<&[u8]>, Refusal> {
    if has_two_authorizations(request) {
        return Err(Refusal { problem: Problem::TwoAuthentications, cause: "two Authorization headers came" });
    }
    Ok(request.headers().get(AUTHORIZATION).map(|value| value.as_bytes()))
}

async fn answer(
    app: &Data<App>,
    now: UnixTime,
    (credentials, audiences): (ClientCredentials, Vec<String>),
    (token_request, proven): (TokenRequest, Option<&Proven>),
    origin: Origin,
) -> Result<TokenResponse, Error<Refusal>> {
    let (shared, asked) = (app.clone(), token_request.clone());
    let key = proven.map(|proven| proven.jkt.clone());
    let credentials = credentials.with_key(key.clone());
    let may = |client: &Client| may_sign(app, client, &origin.address);
    let examined = match prove(&app.store, now, credentials, audiences, may).await {
        Ok(credentials) => {
            consult_batched(&app.store, move |db| {
                token::examine(db, now, &shared.token_settings, &shared.last_use, (&credentials, &asked))
            })
            .await
        }
        Err(error) => Err(error),
    };
    let client = match examined {
        Ok(client) => client,
        Err(Error::Refused(refusal)) => {
            if refusal.problem == Problem::InvalidClient {
                let asked = token_request;
                transact(&app.store, move |tx| token::count_failure(tx, now, &asked)).await?;
            }
            return Err(Error::Refused(refusal));
        }
        Err(failed) => return Err(failed),
    };
    if let Some(proven) = proven {
        proven.use_up(&app.store).await?;
    }
    let shared = app.clone();
    transact_batched(&app.store, move |tx| {
        let mut response =
            token::answer(tx, now, &shared.token_settings, &shared.last_use, (&client, &token_request, &origin))?;
        binding::bind(tx, now, (&client, &origin), &mut response, key.as_deref())?;
        Ok(response)
    })
    .await
}

fn render(
    response: &TokenResponse,
    texts: &Texts,
    (is_bound, issued_token_type): (bool, Option<&'static str>),
) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache")).json(Body {
        access_token: texts.access_token.expose(),
        token_type: if is_bound { "DPoP" } else { "Bearer" },
        expires_in: response.access.expires_in,
        issued_token_type,
        refresh_token: response.refresh_token.as_ref().map(|token| token.expose()),
        id_token: texts.id_token.as_ref().map(Secret::expose),
        scope: response.scope.as_str(),
    })
}
