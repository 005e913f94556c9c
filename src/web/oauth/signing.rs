//! Putting signatures under an answer, after its transaction: RSA on a thread for slow work, ES256 here.

use actix_web::web::{self, Data};

use crate::clock::UnixTime;
use crate::domain::secret::Secret;
use crate::domain::signing_key::SigningAlgorithm;
use crate::oauth::token::TokenResponse;
use crate::store::{Result, StoreError};
use crate::tokens::jwt;
use crate::web::app::App;

/// The texts of an answer's tokens.
pub struct Texts {
    /// The access token: opaque, or a JWT.
    pub access_token: Secret,
    /// The ID token, when one goes with it.
    pub id_token: Option<Secret>,
}

/// Signs what an answer wants signed.
///
/// # Errors
/// When no key can sign.
pub async fn texts(app: &Data<App>, now: UnixTime, response: &TokenResponse) -> Result<Texts> {
    let access_token = match &response.access.claims {
        Some(claims) => app.signer.sign(now, SigningAlgorithm::Es256, (jwt::TYP, claims))?,
        None => Secret::new(response.access.token.expose()),
    };
    let Some(id_token) = response.id_token.clone() else { return Ok(Texts { access_token, id_token: None }) };
    let (shared, bound) = (app.clone(), access_token.clone());
    let signed = off_worker(id_token.algorithm(), move || id_token.sign(&shared.signer, now, &bound)).await?;
    Ok(Texts { access_token, id_token: Some(signed) })
}

/// Makes one signature, where that belongs.
///
/// # Errors
/// When no key can sign.
pub async fn off_worker(
    algorithm: SigningAlgorithm,
    sign: impl FnOnce() -> Result<Secret> + Send + 'static,
) -> Result<Secret> {
    match algorithm {
        SigningAlgorithm::Rs256 => {
            web::block(sign).await.map_err(|error| StoreError::Unavailable(error.to_string()))?
        }
        SigningAlgorithm::Es256 => sign(),
    }
}
