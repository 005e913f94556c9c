//! `GET` and `POST /oauth/userinfo` (OpenID Connect Core §5.3). It is a protected resource like any other
//! (RFC 6750 §2, RFC 9449 §7.1).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::http::{Method, header};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::domain::token_in_use::TokenInUse;
use crate::domain::token_record::BearerToken;
use crate::domain::user::User;
use crate::oauth::openid::claims::{SignedUserInfo, UserInfo};
use crate::oauth::openid::id_token::TYP;
use crate::oauth::problem::Problem;
use crate::oauth::signing::Statement;
use crate::outcome::{Error, consult};
use crate::store::users;
use crate::tokens::check::{ProtectedResource, TokenRefusal, authorize, cause};
use crate::web::api::bearer::{caller, for_dpop, has_two_authorizations, in_header};
use crate::web::api::error::ApiError;
use crate::web::app::App;
use crate::web::error::log_failure;
use crate::web::{body, dpop};

/// Responds with the claims about the person, as far as the scopes of the token permit.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    answer(&app, &request, None).await
}

/// Responds like [`get`]. The token may also be in the form (RFC 6750 §2.2), but not in two places (§2).
pub async fn post(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let in_form = match is_form(&request) {
        true => {
            let form = body::form(&request, payload).await?;
            if form.is_repeated("access_token") {
                return Err(ApiError::of_problem(Problem::RepeatedParameter));
            }
            form.get("access_token").map(str::to_owned)
        }
        false => None,
    };
    answer(&app, &request, in_form).await
}

fn is_form(request: &HttpRequest) -> bool {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    request.method() == Method::POST && essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn answer(app: &Data<App>, request: &HttpRequest, in_form: Option<String>) -> Result<HttpResponse, ApiError> {
    let in_header = dpop::token_in_header(request).or_else(|| in_header(request)).map(str::to_owned);
    let presented = in_form.clone().or(in_header);
    match judge(app, request, in_form).await {
        Err(error) => Err(with_cause(app, presented, error.needing(ProtectedResource::UserInfo.scope())).await),
        answer => answer,
    }
}

/// Adds the cause of a refusal, for the owner of the application that the token was issued to.
async fn with_cause(app: &Data<App>, presented: Option<String>, error: ApiError) -> ApiError {
    let Some(presented) = presented.and_then(|text| BearerToken::parse(&text).ok()) else { return error };
    let now = app.now();
    match app.store.read(move |db| cause(db, now, ProtectedResource::UserInfo, &presented)).await {
        Ok(Some((client, cause))) => error.of_client(Some(client), cause),
        Ok(None) => error,
        Err(failed) => {
            log_failure(&failed);
            error
        }
    }
}

async fn judge(app: &Data<App>, request: &HttpRequest, in_form: Option<String>) -> Result<HttpResponse, ApiError> {
    let is_bound = dpop::token_in_header(request).is_some();
    if has_two_authorizations(request) || (in_form.is_some() && (is_bound || in_header(request).is_some())) {
        return Err(ApiError::of_problem(Problem::TokenConflict));
    }
    if is_bound {
        let (token, user) = caller(app, request, ProtectedResource::UserInfo).await?;
        return answer_claims(app, &token, &user).await;
    }
    let token = in_form.or_else(|| in_header(request).map(str::to_owned));
    let token = token.ok_or_else(|| ApiError::of_problem(Problem::TokenMissing))?;
    let presented = BearerToken::parse(&token).map_err(|_malformed| ApiError::of_problem(Problem::TokenMalformed))?;
    let (now, shared, origin) = (app.now(), app.clone(), app.origin_of(request));
    let found = consult::<_, TokenRefusal, _>(&app.store, move |db| {
        let token = authorize(
            db,
            now,
            &shared.token_settings,
            &shared.last_use,
            (ProtectedResource::UserInfo, &presented, Some(&origin.address)),
        )?;
        let user = token.basis.person.as_ref().map(|person| users::find(db, person.id)).transpose()?.flatten();
        let user = user.ok_or(Error::Refused(TokenRefusal::RevokedOrUnknown))?;
        Ok((token, user))
    });
    let (token, user) = found.await.map_err(|error| for_dpop(app, ApiError::from(error), false))?;
    answer_claims(app, &token, &user).await
}

/// Responds with plain JSON, or with a JWT for a client that registered for it (§5.3.2).
async fn answer_claims(app: &Data<App>, token: &TokenInUse, user: &User) -> Result<HttpResponse, ApiError> {
    let info = UserInfo::of(user, &token.record.scope);
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, "no-store"));
    let application = token.basis.application.as_ref();
    let Some((client, algorithm)) = application.and_then(|found| Some((found, found.userinfo_signed_response_alg?)))
    else {
        return Ok(answer.json(info));
    };
    let claims = SignedUserInfo { aud: client.client_id.clone(), info };
    let statement = Statement { typ: TYP, algorithm, claims };
    let signed = app.signer.sign(&app.store, &app.token_settings, app.now(), statement).await?;
    Ok(answer.insert_header((header::CONTENT_TYPE, "application/jwt")).body(signed.expose().to_owned()))
}
