//! Where two standards meet: JWTs by `resource`, by exchange and bound to a key; proofs beside every
//! grant; ID tokens for devices.

use gatepost::domain::api::TokenFormat;
use gatepost::domain::client::GrantType;
use gatepost::domain::registration::Draft;
use serde_json::{Value, json};

use crate::harness::application::{Application, basic, s256};
use crate::harness::client_keys::Key;
use crate::harness::devices::on_a_device;
use crate::harness::http::Answer;
use crate::harness::{self, Server, confidential, jwt};

const TILES: &str = "https://tiles.example";
const PLAIN: &str = "https://plain.example";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A server with an API that wants JWTs and one that does not.
async fn with_apis() -> Server {
    let server = harness::spawn().await;
    server.api_with(TILES, &["tiles:read: See your map tiles"], (false, TokenFormat::Jwt)).await;
    server.api(PLAIN, &["plain:read: See what is plain"], false).await;
    server
}

fn for_both() -> Draft {
    Draft { scope: Some("tiles:read plain:read".to_owned()), ..confidential() }
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}"))
}

/// RFC 8707 §2.2 beside RFC 9068 §3: each refresh names its API, and that decides the form.
#[actix_web::test]
async fn a_named_api_that_wants_jwts_gets_one_and_its_neighbor_an_opaque_token() {
    let server = with_apis().await;
    let app = server.application(for_both()).await;
    let mut alice = server.signed_in("alice").await;
    let request = app.request().and("resource", TILES).and("resource", PLAIN);
    let granted = request.approve(&mut alice).await;
    let form = app.exchange_form(&granted);
    let named: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    let first = app.post("/oauth/token", &[&named[..], &[("resource", TILES)]].concat()).await.success();
    let token = jwt::verified(&server, text(&first, "access_token")).await;
    assert_eq!((&token.claims["aud"], &token.claims["scope"]), (&json!(TILES), &json!("tiles:read")));
    let again = [("grant_type", "refresh_token"), ("refresh_token", text(&first, "refresh_token"))];
    for (asked, aud) in [(&[PLAIN][..], json!(PLAIN)), (&[TILES], json!(TILES)), (&[], json!([TILES, PLAIN]))] {
        let resources: Vec<(&str, &str)> = asked.iter().map(|resource| ("resource", *resource)).collect();
        let body = app.post("/oauth/token", &[&again[..], &resources].concat()).await.success();
        let access = text(&body, "access_token");
        assert_eq!(app.introspect(access).await["aud"], aud, "{asked:?}");
        match asked {
            [TILES] => assert_eq!(jwt::verified(&server, access).await.claims["aud"], TILES),
            _ => assert!(access.starts_with("gpa_"), "{asked:?} takes no JWT: {access}"),
        }
    }
}

/// RFC 8693 §2.2.1: what an exchange gives has the form that the API wants, and goes with its source.
#[actix_web::test]
async fn an_exchange_for_an_api_that_wants_jwts_gives_one() {
    let server = harness::spawn().await;
    let house = "https://house.example/api";
    let api = server.api_with(house, &["house:read: Read here"], (true, TokenFormat::Jwt)).await;
    let grant_types = vec![GrantType::TokenExchange];
    let scope = Some("house:read projects".to_owned());
    let gateway = Draft { grant_types, scope, redirect_uris: Vec::new(), ..confidential() };
    let gateway = server.application(gateway).await;
    let alice = server.person("alice").await;
    let whole = server.log_in("alice").await;
    let form = [
        ("grant_type", EXCHANGE),
        ("subject_token", whole.token()),
        ("subject_token_type", ACCESS_TOKEN),
        ("audience", house),
        ("scope", "house:read"),
    ];
    let body = gateway.post("/oauth/token", &form).await.success();
    assert_eq!((&body["issued_token_type"], &body["expires_in"]), (&json!(ACCESS_TOKEN), &json!(600)));
    let access = text(&body, "access_token");
    let claims = jwt::verified(&server, access).await.claims;
    assert_eq!((&claims["aud"], &claims["scope"]), (&json!(house), &json!("house:read")));
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(alice.id.uuid()), &json!(gateway.client_id())));
    assert_eq!(api.introspect(access).await["active"], true);
    let form = form.map(|(name, value)| if name == "subject_token" { (name, access) } else { (name, value) });
    assert_eq!(gateway.post("/oauth/token", &form).await.error().0, 400, "it is not exchanged again");
    server.disable(&alice, true).await;
    assert_eq!(api.introspect(access).await, json!({ "active": false }), "its row still judges it");
}

/// OpenID Connect Core §3.1.3.3 beside RFC 8628 §3.5: a device learns who logged it in, and when.
#[actix_web::test]
async fn a_device_that_asks_for_openid_is_told_who_logged_it_in() {
    let server = harness::spawn().await;
    let scope = Some("openid projects".to_owned());
    let app = server.application(Draft { scope, ..on_a_device() }).await;
    let alice = server.person("alice").await;
    let mut browser = server.browser();
    browser.sign_in("alice").await;
    let signed_in_at = server.now().seconds();
    server.advance(100);
    for (asked, is_told) in [("openid", true), ("projects", false)] {
        let started = app.ask_for_codes(&[("scope", asked)]).await;
        browser.decide_device(&started.member("user_code"), "allow").await;
        let body = app.poll(&started.member("device_code")).await.success();
        assert_eq!(body.get("id_token").is_some(), is_told, "{asked}: {body}");
        if is_told {
            let claims = jwt::verified(&server, text(&body, "id_token")).await.claims;
            assert_eq!((&claims["sub"], &claims["aud"]), (&json!(alice.id.uuid()), &json!(app.client_id())));
            assert_eq!((&claims["auth_time"], claims.get("nonce")), (&json!(signed_in_at), None));
            let known = server.http.get_with_token("/oauth/userinfo", text(&body, "access_token")).await.json();
            assert_eq!(known["sub"], claims["sub"]);
        }
    }
}

/// A program with a secret and a key of its own.
struct Bound<'a> {
    server: &'a Server,
    app: Application,
    key: Key,
    nonce: String,
}

impl<'a> Bound<'a> {
    async fn new(server: &'a Server, draft: Draft) -> Self {
        let mut bound = Self { server, app: server.application(draft).await, key: Key::es256(), nonce: String::new() };
        let asked = bound.token(&[("grant_type", "refresh_token"), ("refresh_token", "x")]).await;
        assert_eq!(asked.error(), (400, "use_dpop_nonce".to_owned()));
        bound.nonce = asked.header("dpop-nonce").expect("because the server asks for a nonce").to_owned();
        bound
    }

    fn proof(&self, method: &str, path: &str, mut claims: Value) -> String {
        if !self.nonce.is_empty() {
            claims["nonce"] = json!(self.nonce);
        }
        self.key.dpop(self.server.now().seconds(), (method, &self.server.url(path)), &claims)
    }

    async fn token(&self, form: &[(&str, &str)]) -> Answer {
        let (proof, secret) = (self.proof("POST", "/oauth/token", json!({})), self.app.secret());
        let credentials = basic(self.app.client_id(), secret);
        let headers = [("authorization", credentials.as_str()), ("dpop", proof.as_str())];
        self.server.http.post("/oauth/token", &headers, form).await
    }
}

/// RFC 9449 §6.1: the JWT says which key must be proven; introspection says the same (§6.2).
#[actix_web::test]
async fn a_bound_jwt_names_its_key_for_a_program_a_person_and_after_a_refresh() {
    let server = with_apis().await;
    let grants = [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials];
    let bound = Bound::new(&server, Draft { grant_types: grants.to_vec(), ..for_both() }).await;
    let mut alice = server.signed_in("alice").await;
    let granted = bound.app.request().with("scope", "tiles:read").approve(&mut alice).await;
    let form = bound.app.exchange_form(&granted);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    let by_code = bound.token(&form).await.success();
    let again = [("grant_type", "refresh_token"), ("refresh_token", text(&by_code, "refresh_token"))];
    let by_refresh = bound.token(&again).await.success();
    let itself = bound.token(&[("grant_type", "client_credentials"), ("scope", "tiles:read")]).await.success();
    let key = json!({ "jkt": bound.key.thumbprint() });
    for (how, body) in [("code", &by_code), ("refresh", &by_refresh), ("client credentials", &itself)] {
        assert_eq!(body["token_type"], "DPoP", "{how}");
        let access = text(body, "access_token");
        assert_eq!(jwt::verified(&server, access).await.claims["cnf"], key, "{how}");
        assert_eq!(bound.app.introspect(access).await["cnf"], key, "{how}");
    }
    assert_eq!(jwt::read(text(&itself, "access_token")).claims["sub"], bound.app.client_id());
    assert_eq!(itself.get("refresh_token"), None, "RFC 6749 §4.4.3");
}

/// RFC 9449 §5 for a client with a secret: each access token has the key of its own request, or none.
#[actix_web::test]
async fn an_opaque_token_is_bound_by_every_grant_and_only_where_a_proof_came() {
    let server = with_apis().await;
    let grants = [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials];
    let scope = Some("projects plain:read".to_owned());
    let bound = Bound::new(&server, Draft { grant_types: grants.to_vec(), scope, ..confidential() }).await;
    let itself = bound.token(&[("grant_type", "client_credentials")]).await.success();
    assert_eq!(itself["token_type"], "DPoP");
    let known = bound.app.introspect(text(&itself, "access_token")).await;
    assert_eq!((&known["cnf"]["jkt"], &known["token_type"]), (&json!(bound.key.thumbprint()), &json!("DPoP")));
    let tokens = bound.app.tokens(&mut server.signed_in("alice").await).await;
    assert_eq!(bound.app.introspect(&tokens.access_token).await.get("cnf"), None);
    let again = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())];
    let refreshed = bound.token(&again).await.success();
    let access = text(&refreshed, "access_token");
    assert_eq!(server.account_status(access).await, 401, "as a bearer token it opens nothing");
    let proof = bound.proof("GET", "/v3/account", json!({ "ath": s256(access) }));
    let authorization = format!("DPoP {access}");
    let headers = [("authorization", authorization.as_str()), ("dpop", proof.as_str())];
    let answer = server.http.send(actix_web::http::Method::GET, "/v3/account", &headers, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let used = [("grant_type", "client_credentials")];
    let credentials = basic(bound.app.client_id(), bound.app.secret());
    let proof = bound.proof("POST", "/oauth/token", json!({}));
    let headers = [("authorization", credentials.as_str()), ("dpop", proof.as_str())];
    assert_eq!(server.http.post("/oauth/token", &headers, &used).await.status, 200);
    let replayed = server.http.post("/oauth/token", &headers, &used).await;
    assert_eq!(replayed.error(), (400, "invalid_dpop_proof".to_owned()), "a proof works once");
}
