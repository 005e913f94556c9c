//! A relying party that we did not write (the `openidconnect` crate) logs a person in and out: it is given
//! our issuer, its registration and a browser, and checks the ID token by its own rules.

use gatepost::domain::registration::Draft;
use gatepost::domain::signing_key::SigningAlgorithm;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, ClientId, ClientSecret, CsrfToken, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, Scope, TokenResponse,
};

use crate::harness::application::Application;
use crate::harness::browser::Browser;
use crate::harness::{Server, confidential, public};
use crate::openid::relying;
use crate::real_clients::{PUBLIC_URL, behind_a_proxy, code, sender};

const AFTER: &str = "https://app.example/logged-out";

/// One whole journey; what the library finds wrong fails the test.
async fn log_in_and_out(server: &Server, app: &Application, browser: &mut Browser, algorithm: CoreJwsSigningAlgorithm) {
    let (send, now) = (sender(server), server.now().utc());
    let issuer = IssuerUrl::new(PUBLIC_URL.to_owned()).expect("because it is an address");
    let metadata = CoreProviderMetadata::discover(&issuer, &send).expect("because the document is complete");
    let secret = (!app.client.is_public()).then(|| ClientSecret::new(app.secret().to_owned()));
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new(app.client_id().to_owned()), secret)
        .set_redirect_uri(RedirectUrl::new(app.redirect_uri()).expect("because it was registered"));
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let asked = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
    let asked = asked.add_scope(Scope::new("profile".to_owned())).add_scope(Scope::new("email".to_owned()));
    let (address, state, nonce) = asked.set_pkce_challenge(challenge).url();
    let code = code(browser, address.as_str(), &state).await;
    let exchange = client.exchange_code(code).expect("because the metadata names the endpoint");
    let tokens = exchange.set_pkce_verifier(verifier).request(&send).expect("because the library follows the RFCs");

    let judge = client.id_token_verifier().set_allowed_algs([algorithm.clone()]).set_time_fn(move || now);
    let id_token = tokens.id_token().expect("because the library asks for openid");
    let claims = id_token.claims(&judge, &nonce).expect("because the ID token is right");
    let alice = server.person_named("alice").await;
    assert_eq!(claims.subject().as_str(), alice.id.uuid());
    let signed_by = id_token.signing_key(&judge).expect("because the key is published");
    assert_eq!(id_token.signing_alg().expect("because it is signed"), &algorithm);
    let hash = AccessTokenHash::from_token(tokens.access_token(), &algorithm, signed_by);
    assert_eq!(claims.access_token_hash(), Some(&hash.expect("because it knows the algorithm")));
    id_token.claims(&judge, &Nonce::new("another".to_owned())).expect_err("because the nonce is another's");

    let subject = Some(claims.subject().clone());
    let asked = client.user_info(tokens.access_token().clone(), subject).expect("because the metadata names it");
    let found: CoreUserInfoClaims = asked.request(&send).expect("because the token holds openid");
    assert_eq!(found.preferred_username().map(|name| name.as_str()), Some("alice"));
    assert_eq!(
        (found.email().map(|email| email.as_str()), found.email_verified()),
        (Some("alice@people.example"), Some(true))
    );

    let refresh_token = tokens.refresh_token().expect("because the application registered the grant");
    let again = client.exchange_refresh_token(refresh_token).expect("because the metadata names the endpoint");
    let again = again.request(&send).expect("because it is its first use");
    let again = again.id_token().expect("because the grant holds openid");
    let same = |_: Option<&Nonce>| Ok(());
    assert_eq!(again.claims(&judge, same).expect("because the ID token is right").subject(), claims.subject());

    let metadata = ProviderMetadataWithLogout::discover(&issuer, &send).expect("because the document is complete");
    let end = metadata.additional_metadata().end_session_endpoint.clone().expect("because we offer it");
    let after = PostLogoutRedirectUrl::new(AFTER.to_owned()).expect("because it is an address");
    let request = LogoutRequest::from(end).set_id_token_hint(id_token).set_post_logout_redirect_uri(after);
    let page = browser.open(request.http_get_url().as_str()).await;
    assert_eq!(page.away(), AFTER);
}

#[actix_web::test]
async fn the_openidconnect_crate_logs_a_person_in_and_out_with_both_algorithms() {
    let server = behind_a_proxy().await;
    server.person("alice").await;
    let algorithms = [
        (SigningAlgorithm::Rs256, CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256),
        (SigningAlgorithm::Es256, CoreJwsSigningAlgorithm::EcdsaP256Sha256),
    ];
    for (ours, theirs) in algorithms {
        for draft in [confidential(), public()] {
            let post_logout_redirect_uris = vec![AFTER.to_owned()];
            let draft = Draft { id_token_signed_response_alg: ours, post_logout_redirect_uris, ..relying(draft) };
            let app = server.application(draft).await;
            let mut browser = server.browser();
            browser.sign_in("alice").await;
            log_in_and_out(&server, &app, &mut browser, theirs.clone()).await;
        }
    }
}
