//! A client library that we did not write (the `oauth2` crate) completes its flows: it is given nothing
//! but our metadata, its registration, and a browser.

use std::thread;
use std::time::Duration;

use gatepost::domain::client::GrantType;
use gatepost::domain::registration::Draft;
use oauth2::basic::BasicClient;
use oauth2::{
    AccessToken, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, DeviceAuthorizationUrl,
    HttpRequest, HttpResponse, IntrospectionUrl, PkceCodeChallenge, RedirectUrl, RefreshToken, RevocationUrl, Scope,
    StandardDeviceAuthorizationResponse, StandardRevocableToken, TokenIntrospectionResponse, TokenResponse, TokenUrl,
};
use serde_json::Value;

use crate::harness::application::Application;
use crate::harness::browser::Browser;
use crate::harness::devices::on_a_device;
use crate::harness::http::parameter;
use crate::harness::token_holders::TILES;
use crate::harness::{self, Server, confidential, public};

pub const PUBLIC_URL: &str = "https://id.example";

/// A server behind a TLS proxy: the library wants https where it revokes.
pub async fn behind_a_proxy() -> Server {
    harness::spawn_with(&[("public_url", PUBLIC_URL)]).await
}

/// The library's HTTP, with the proxy's part: blocking, redirects not followed. The server has threads
/// of its own.
pub fn sender(server: &Server) -> impl Fn(HttpRequest) -> Result<HttpResponse, ureq::Error> + use<> {
    let (inside, config) = (format!("http://{}", server.address), ureq::Agent::config_builder());
    let agent = ureq::Agent::new_with_config(config.http_status_as_error(false).max_redirects(0).build());
    move |mut request| {
        let behind = request.uri().to_string().replacen(PUBLIC_URL, &inside, 1);
        *request.uri_mut() = behind.parse().expect("because only its beginning changed");
        let (parts, mut body) = agent.run(request)?.into_parts();
        Ok(HttpResponse::from_parts(parts, body.read_to_vec()?))
    }
}

fn metadata(server: &Server) -> Value {
    let request = oauth2::http::Request::get(server.url("/.well-known/oauth-authorization-server")).body(Vec::new());
    let answer = sender(server)(request.expect("because the address is right")).expect("because the server answers");
    serde_json::from_slice(answer.body()).expect("because metadata is JSON")
}

type Client = BasicClient<
    oauth2::EndpointSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointSet,
    oauth2::EndpointSet,
    oauth2::EndpointSet,
>;

fn client(server: &Server, app: &Application, auth_type: AuthType) -> Client {
    let metadata = metadata(server);
    let endpoint = |name: &str| metadata[format!("{name}_endpoint")].as_str().expect("because it is named").to_owned();
    let because = "because metadata names whole addresses";
    let client = BasicClient::new(ClientId::new(app.client_id().to_owned()))
        .set_auth_uri(AuthUrl::new(endpoint("authorization")).expect(because))
        .set_token_uri(TokenUrl::new(endpoint("token")).expect(because))
        .set_introspection_url(IntrospectionUrl::new(endpoint("introspection")).expect(because))
        .set_revocation_url(RevocationUrl::new(endpoint("revocation")).expect(because))
        .set_redirect_uri(RedirectUrl::new(app.redirect_uri()).expect("because it was registered"))
        .set_auth_type(auth_type);
    if app.client.is_public() { client } else { client.set_client_secret(ClientSecret::new(app.secret().to_owned())) }
}

/// Sends the person's browser to the library's address, and gives the library what came back.
pub async fn code(browser: &mut Browser, address: &str, state: &CsrfToken) -> AuthorizationCode {
    let page = browser.open(address).await;
    let page = if page.away.is_some() { page } else { browser.submit(page.decision("allow")).await };
    assert_eq!(parameter(page.away(), "state").as_deref(), Some(state.secret().as_str()));
    AuthorizationCode::new(parameter(page.away(), "code").expect("because she allowed it"))
}

#[actix_web::test]
async fn the_oauth2_crate_logs_in_refreshes_introspects_and_revokes_with_basic_and_with_the_body() {
    let server = behind_a_proxy().await;
    let send = sender(&server);
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    for auth_type in [AuthType::BasicAuth, AuthType::RequestBody] {
        let client = client(&server, &app, auth_type);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let asked = client.authorize_url(CsrfToken::new_random).add_scope(Scope::new("projects".to_owned()));
        let (address, state) = asked.set_pkce_challenge(challenge).url();
        let code = code(&mut alice, address.as_str(), &state).await;
        let tokens = client.exchange_code(code).set_pkce_verifier(verifier).request(&send);
        let tokens = tokens.expect("because the library follows the RFCs");
        assert_eq!(tokens.scopes().map(|scopes| scopes[0].as_str()), Some("projects"));
        assert_eq!(tokens.expires_in().map(|life| life.as_secs()), Some(3_600));
        let refresh_token = tokens.refresh_token().expect("because the application registered the grant").clone();
        let again = client.exchange_refresh_token(&refresh_token).request(&send).expect("because it is stable");
        let known = client.introspect(again.access_token()).request(&send).expect("because it is its own token");
        assert_eq!((known.active(), known.username(), known.iss()), (true, Some("alice"), Some(server.issuer())));
        let revoked = client.revoke_token(StandardRevocableToken::RefreshToken(refresh_token.clone()));
        let revoked = revoked.expect("because the endpoint is https");
        revoked.request(&send).expect("because it is its own token");
        let known = client.introspect(again.access_token()).request(&send).expect("because it may ask");
        assert!(!known.active());
        let refused = client.exchange_refresh_token(&refresh_token).request(&send);
        assert!(matches!(refused, Err(oauth2::RequestTokenError::ServerResponse(_))), "{refused:?}");
    }
}

#[actix_web::test]
async fn the_oauth2_crate_rotates_the_tokens_of_an_application_without_a_secret() {
    let server = behind_a_proxy().await;
    let send = sender(&server);
    let app = server.application(public()).await;
    let mut alice = server.signed_in("alice").await;
    let client = client(&server, &app, AuthType::RequestBody);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (address, state) = client.authorize_url(CsrfToken::new_random).set_pkce_challenge(challenge).url();
    let code = code(&mut alice, address.as_str(), &state).await;
    let tokens = client.exchange_code(code).set_pkce_verifier(verifier).request(&send);
    let mut tokens = tokens.expect("because the library follows the RFCs");
    let first: RefreshToken = tokens.refresh_token().expect("because public clients may refresh").clone();
    for _ in 0..3 {
        let before = tokens.refresh_token().expect("because every answer has one").clone();
        tokens = client.exchange_refresh_token(&before).request(&send).expect("because it stores the new one");
        assert_ne!(tokens.refresh_token().map(RefreshToken::secret), Some(before.secret()));
    }
    let token: &AccessToken = tokens.access_token();
    assert_eq!(server.http.get_with_token("/v3/account", token.secret()).await.status, 200);
    client.exchange_refresh_token(&first).request(&send).expect_err("because it is old and its successors were used");
    assert_eq!(server.http.get_with_token("/v3/account", token.secret()).await.status, 401);
}

#[actix_web::test]
async fn the_oauth2_crate_acts_for_itself() {
    let server = behind_a_proxy().await;
    let send = sender(&server);
    server.api(TILES, &["tiles:read: See tiles", "tiles:write: Change tiles"], false).await;
    let scope = Some("tiles:read tiles:write".to_owned());
    let app =
        server.application(Draft { grant_types: vec![GrantType::ClientCredentials], scope, ..confidential() }).await;
    for auth_type in [AuthType::BasicAuth, AuthType::RequestBody] {
        let client = client(&server, &app, auth_type);
        let asked = client.exchange_client_credentials().add_scope(Scope::new("tiles:read".to_owned()));
        let tokens = asked.request(&send).expect("because the library follows the RFCs");
        assert_eq!(tokens.scopes().map(|scopes| scopes[0].as_str()), Some("tiles:read"));
        assert!(tokens.refresh_token().is_none());
        let known = client.introspect(tokens.access_token()).request(&send).expect("because it is its own token");
        assert_eq!((known.active(), known.username(), known.sub()), (true, None, Some(app.client_id())));
    }
}

#[actix_web::test]
async fn the_oauth2_crate_logs_a_device_in() {
    let server = behind_a_proxy().await;
    let app = server.application(on_a_device()).await;
    let mut alice = server.signed_in("alice").await;
    let metadata = metadata(&server);
    let endpoint = |name: &str| metadata[format!("{name}_endpoint")].as_str().expect("because it is named").to_owned();
    let because = "because metadata names whole addresses";
    let client = BasicClient::new(ClientId::new(app.client_id().to_owned()))
        .set_token_uri(TokenUrl::new(endpoint("token")).expect(because))
        .set_device_authorization_url(DeviceAuthorizationUrl::new(endpoint("device_authorization")).expect(because))
        .set_auth_type(AuthType::RequestBody);
    let send = sender(&server);
    let asked = client.exchange_device_code().add_scope(Scope::new("projects".to_owned()));
    let given: StandardDeviceAuthorizationResponse = asked.request(&send).expect("because it registered the grant");
    let (shown, link) = (given.user_code().clone(), given.verification_uri_complete().cloned());
    // The library polls on, whatever it is told, while its person looks for their glasses.
    let polling = thread::spawn(move || {
        let asked = client.exchange_device_access_token(&given);
        asked.request(&send, |_interval| thread::sleep(Duration::from_millis(20)), None)
    });
    let link = link.expect("because the answer has one").secret().clone();
    let page = alice.open(&link).await;
    let page = alice.submit(page.form_with("Continue")).await;
    assert!(page.text().contains(shown.secret().as_str()), "{}", page.text());
    alice.submit(page.decision("allow")).await;
    let tokens = polling.join().expect("because the library does not panic").expect("because she allowed it");
    assert_eq!(server.http.get_with_token("/v3/account", tokens.access_token().secret()).await.status, 200);
    assert!(tokens.refresh_token().is_some());
}
