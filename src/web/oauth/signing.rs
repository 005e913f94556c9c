//! Signs the tokens of a response, after its transaction.

use actix_web::web::Data;

use crate::clock::UnixTime;
use crate::domain::secret::Secret;
use crate::domain::signing_key::SigningAlgorithm;
use crate::oauth::signing::Statement;
use crate::oauth::token::TokenResponse;
use crate::store::Result;
use crate::tokens::jwt;
use crate::web::app::App;

/// The tokens of a response, as text.
pub struct Texts {
    /// The access token: opaque, or a JWT.
    pub access_token: Secret,
    /// The ID token, when the response contains one.
    pub id_token: Option<Secret>,
}

/// Signs the tokens of a response.
///
/// # Errors
/// When no key can sign.
pub async fn texts(app: &Data<App>, now: UnixTime, response: &TokenResponse) -> Result<Texts> {
    let App { store, token_settings, signer, .. } = app.as_ref();
    let access_token = match response.access.claims.clone() {
        Some(claims) => {
            let statement = Statement { typ: jwt::TYP, algorithm: SigningAlgorithm::Es256, claims };
            signer.sign(store, token_settings, now, statement).await?
        }
        None => Secret::new(response.access.token.expose()),
    };
    let id_token = match response.id_token.clone() {
        Some(id_token) => Some(signer.sign(store, token_settings, now, id_token.beside(&access_token)).await?),
        None => None,
    };
    Ok(Texts { access_token, id_token })
}
