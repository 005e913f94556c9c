//! Proof of possession (RFC 9449): at the token endpoint, at our own APIs, on the way of a code and a refresh token.

use actix_web::http::Method;
use gatepost::domain::registration::Draft;
use serde_json::{Value, json};

use crate::harness::application::{Application, Granted, s256};
use crate::harness::client_keys::Key;
use crate::harness::http::{Answer, encode};
use crate::harness::{self, Server, confidential, public};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A form with the nonce and proof that the server wants.
pub struct Wallet<'a> {
    server: &'a Server,
    pub key: Key,
    nonce: String,
}

async fn nonce(server: &Server) -> String {
    let key = Key::es256();
    let proof = key.dpop(server.now().seconds(), ("POST", &server.url("/oauth/token")), &json!({}));
    let form = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", "x")];
    let answer = server.http.post("/oauth/token", &[("dpop", &proof)], &form).await;
    assert_eq!(answer.error(), (400, "use_dpop_nonce".to_owned()));
    answer.header("dpop-nonce").expect("because the server asks for a nonce").to_owned()
}

/// Members over members; a `null` stays, to take out what comes later.
fn over(mut claims: Value, others: &Value) -> Value {
    for (name, value) in others.as_object().expect("because claims are an object") {
        claims[name.as_str()] = value.clone();
    }
    claims
}

impl<'a> Wallet<'a> {
    pub async fn new(server: &'a Server, key: Key) -> Self {
        Self { server, key, nonce: nonce(server).await }
    }

    pub fn proof(&self, method: &str, path: &str, others: &Value) -> String {
        let claims = over(json!({ "nonce": self.nonce }), others);
        self.key.dpop(self.server.now().seconds(), (method, &self.server.url(path)), &claims)
    }

    /// Exchanges a code of a public application with this proof.
    async fn exchange(&self, app: &Application, granted: &Granted, proof: &str) -> Answer {
        let mut form = app.exchange_form(granted);
        form.push(("client_id".to_owned(), app.client_id().to_owned()));
        self.token(&form, proof).await
    }

    async fn token(&self, form: &[(String, String)], proof: &str) -> Answer {
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
        self.server.http.post("/oauth/token", &[("dpop", proof)], &form).await
    }

    async fn refresh(&self, app: &Application, refresh_token: &str) -> Answer {
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("client_id", app.client_id())];
        let form: Vec<(String, String)> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.token(&form, &self.proof("POST", "/oauth/token", &json!({}))).await
    }

    /// Tokens of a new code, bound to this key.
    async fn tokens(&self, app: &Application) -> Value {
        let mut browser = self.server.signed_in(&format!("p-{}", harness::random_word(8))).await;
        let granted = app.code(&mut browser).await;
        let answer = self.exchange(app, &granted, &self.proof("POST", "/oauth/token", &json!({}))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.header("dpop-nonce").is_some(), "the next nonce comes along");
        answer.json()
    }

    /// Asks for the account with a token and a proof with these claims over the right ones.
    async fn account(&self, token: &str, others: &Value) -> Answer {
        let claims = over(json!({ "ath": s256(token) }), others);
        let proof = self.proof("GET", "/v3/account", &claims);
        self.ask("DPoP", token, &[("dpop", &proof)]).await
    }

    async fn ask(&self, scheme: &str, token: &str, headers: &[(&str, &str)]) -> Answer {
        let authorization = format!("{scheme} {token}");
        let headers: Vec<(&str, &str)> =
            [("authorization", authorization.as_str())].into_iter().chain(headers.iter().copied()).collect();
        self.server.http.send(Method::GET, "/v3/account", &headers, "").await
    }
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}"))
}

fn challenge(answer: &Answer) -> &str {
    answer.header("www-authenticate").unwrap_or_default()
}

#[actix_web::test]
async fn a_token_of_each_kind_of_key_is_bound_and_opens_with_its_proof_only() {
    let server = harness::spawn().await;
    let api = server.api("https://api.example", &[], true).await;
    let app = server.application(public()).await;
    for key in [Key::es256(), Key::eddsa(), Key::rs256(), Key::ps256()] {
        let wallet = Wallet::new(&server, key).await;
        let tokens = wallet.tokens(&app).await;
        assert_eq!(tokens["token_type"], "DPoP");
        let token = text(&tokens, "access_token");
        assert_eq!(wallet.account(token, &json!({})).await.status, 200);
        let known = api.introspect(token).await;
        assert_eq!((&known["token_type"], &known["cnf"]["jkt"]), (&json!("DPoP"), &json!(wallet.key.thumbprint())));
        // Whoever finds the token alone has nothing.
        let bearer = wallet.ask("Bearer", token, &[]).await;
        assert_eq!(bearer.error(), (401, "invalid_token".to_owned()));
        assert!(challenge(&bearer).starts_with("DPoP error=\"invalid_token\"") && challenge(&bearer).contains("ES256"));
        assert_eq!(server.http.get_with_token("/v3/validate", token).await.json()["valid"], false);
        let thief = Wallet::new(&server, Key::es256()).await;
        assert_eq!(thief.account(token, &json!({})).await.error(), (401, "invalid_token".to_owned()));
    }
}

/// OpenID Connect Core §5.3 with RFC 9449 §7.1: userinfo is a resource like any other.
#[actix_web::test]
async fn a_bound_token_opens_userinfo_with_its_proof_only() {
    let server = harness::spawn().await;
    let app = server.application(Draft { scope: Some("openid".to_owned()), ..public() }).await;
    let wallet = Wallet::new(&server, Key::es256()).await;
    let tokens = wallet.tokens(&app).await;
    let token = text(&tokens, "access_token");
    let (bound, bearer) = (format!("DPoP {token}"), format!("Bearer {token}"));
    for method in [Method::GET, Method::POST] {
        let proof = wallet.proof(method.as_str(), "/oauth/userinfo", &json!({ "ath": s256(token) }));
        let ask =
            async |headers: &[(&str, &str)]| server.http.send(method.clone(), "/oauth/userinfo", headers, "").await;
        let answer = ask(&[("authorization", &bound), ("dpop", &proof)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.json()["sub"].is_string() && answer.header("cache-control") == Some("no-store"));
        let again = ask(&[("authorization", &bound), ("dpop", &proof)]).await;
        assert_eq!((again.status, challenge(&again).starts_with("DPoP ")), (401, true), "a proof works once");
        let alone = ask(&[("authorization", &bound)]).await;
        assert_eq!(alone.error(), (401, "invalid_dpop_proof".to_owned()));
        let found = ask(&[("authorization", &bearer)]).await;
        assert_eq!(found.error(), (401, "invalid_token".to_owned()));
        assert!(challenge(&found).starts_with("DPoP "), "{}", challenge(&found));
    }
    let form = format!("access_token={token}");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let in_form = server.http.send(Method::POST, "/oauth/userinfo", &headers, form.clone()).await;
    assert_eq!(in_form.error(), (401, "invalid_token".to_owned()));
    let headers = [headers[0], ("authorization", bound.as_str())];
    let twice = server.http.send(Method::POST, "/oauth/userinfo", &headers, form).await;
    assert_eq!(twice.error(), (400, "invalid_request".to_owned()));
}

#[actix_web::test]
async fn a_bound_token_does_not_pass_forward_auth_as_a_bearer_token() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let wallet = Wallet::new(&server, Key::es256()).await;
    let tokens = wallet.tokens(&app).await;
    let plain = app.tokens(&mut server.signed_in("alice").await).await;
    for (token, status) in [(text(&tokens, "access_token"), 401), (plain.access_token.as_str(), 200)] {
        let authorization = format!("Bearer {token}");
        let headers =
            [("authorization", authorization.as_str()), ("x-original-method", "GET"), ("x-original-uri", "/tiles/1")];
        let answer = server.http.send(Method::GET, "/auth/check", &headers, "").await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
}

#[actix_web::test]
async fn a_plain_token_is_no_bound_one() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let wallet = Wallet::new(&server, Key::es256()).await;
    let plain = app.tokens(&mut server.signed_in("alice").await).await;
    assert_eq!(wallet.account(&plain.access_token, &json!({})).await.error(), (401, "invalid_token".to_owned()));
    assert_eq!(wallet.ask("Bearer", &plain.access_token, &[]).await.status, 200);
}

#[actix_web::test]
async fn each_part_of_a_proof_at_a_resource_counts() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let wallet = Wallet::new(&server, Key::es256()).await;
    let tokens = wallet.tokens(&app).await;
    let token = text(&tokens, "access_token");
    let now = server.now().seconds();
    for wrong in [
        json!({ "ath": null }),
        json!({ "ath": s256("another") }),
        json!({ "htm": "POST" }),
        json!({ "htu": server.url("/v3/user") }),
        json!({ "htu": "https://elsewhere.example/v3/account" }),
        json!({ "iat": now - 301 }),
        json!({ "iat": now + 61 }),
        json!({ "iat": null }),
        json!({ "jti": null }),
        json!({ "jti": "" }),
    ] {
        let answer = wallet.account(token, &wrong).await;
        assert_eq!(answer.error(), (401, "invalid_dpop_proof".to_owned()), "{wrong}");
        assert!(challenge(&answer).starts_with("DPoP error=\"invalid_dpop_proof\""), "{wrong}");
    }
    for old in [json!({ "nonce": null }), json!({ "nonce": "old" })] {
        let answer = wallet.account(token, &old).await;
        assert_eq!(answer.error(), (401, "use_dpop_nonce".to_owned()));
        assert!(answer.header("dpop-nonce").is_some() && challenge(&answer).contains("error=\"use_dpop_nonce\""));
    }
    for fine in [json!({ "htu": format!("{}?a=b#c", server.url("/v3/account")) }), json!({ "iat": now - 300 })] {
        assert_eq!(wallet.account(token, &fine).await.status, 200, "{fine}");
    }
    assert_eq!(wallet.ask("DPoP", token, &[]).await.error(), (401, "invalid_dpop_proof".to_owned()), "no proof");
    let proof = || wallet.proof("GET", "/v3/account", &json!({ "ath": s256(token) }));
    let two = wallet.ask("DPoP", token, &[("dpop", &proof()), ("dpop", &proof())]).await;
    assert_eq!(two.error(), (401, "invalid_dpop_proof".to_owned()), "two proofs");
    let both = format!("/v3/account?token={token}");
    let headers = [("authorization", format!("DPoP {token}")), ("dpop", proof())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let conflict = server.http.send(Method::GET, &both, &headers, "").await;
    assert_eq!(conflict.error(), (400, "invalid_request".to_owned()));
}

#[actix_web::test]
async fn a_proof_works_once() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let wallet = Wallet::new(&server, Key::es256()).await;
    let tokens = wallet.tokens(&app).await;
    let token = text(&tokens, "access_token");
    let proof = wallet.proof("GET", "/v3/account", &json!({ "ath": s256(token) }));
    assert_eq!(wallet.ask("DPoP", token, &[("dpop", &proof)]).await.status, 200);
    assert_eq!(wallet.ask("DPoP", token, &[("dpop", &proof)]).await.error(), (401, "invalid_dpop_proof".to_owned()));
    // At the token endpoint too, and the code that it came with stays good.
    let granted = app.code(&mut server.signed_in("alice").await).await;
    let proof = wallet.proof("POST", "/oauth/token", &json!({}));
    let refresh = |token: &str| {
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", app.client_id())];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    assert_eq!(wallet.token(&refresh(text(&tokens, "refresh_token")), &proof).await.status, 200);
    let replayed = wallet.exchange(&app, &granted, &proof).await;
    assert_eq!(replayed.error(), (400, "invalid_dpop_proof".to_owned()));
    let answer = wallet.exchange(&app, &granted, &wallet.proof("POST", "/oauth/token", &json!({}))).await;
    assert_eq!(answer.status, 200);
}

#[actix_web::test]
async fn a_proof_that_is_not_right_gives_no_token_and_burns_no_code() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let wallet = Wallet::new(&server, Key::es256()).await;
    let granted = app.code(&mut server.signed_in("alice").await).await;
    let other = Key::es256();
    let claims = json!({ "jti": "x", "htm": "POST", "htu": server.url("/oauth/token"), "iat": server.now().seconds(),
        "nonce": wallet.nonce });
    let signed = |header: Value| wallet.key.sign(&header, &claims);
    for proof in [
        signed(json!({ "typ": "JWT", "alg": "ES256", "jwk": wallet.key.public() })),
        signed(json!({ "alg": "ES256", "jwk": wallet.key.public() })),
        signed(json!({ "typ": "dpop+jwt", "alg": "ES256" })),
        signed(json!({ "typ": "dpop+jwt", "alg": "none", "jwk": wallet.key.public() })),
        signed(json!({ "typ": "dpop+jwt", "alg": "HS256", "jwk": { "kty": "oct", "k": "AAAA" } })),
        signed(json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": wallet.key.private() })),
        signed(json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": other.public() })),
        wallet.proof("GET", "/oauth/token", &json!({})),
        wallet.proof("POST", "/oauth/revoke", &json!({})),
        "x".to_owned(),
        "x".repeat(9_000),
    ] {
        let answer = wallet.exchange(&app, &granted, &proof).await;
        assert_eq!(answer.error(), (400, "invalid_dpop_proof".to_owned()), "{proof}");
    }
    let fine = wallet.proof("POST", "/oauth/token", &json!({}));
    assert_eq!(wallet.exchange(&app, &granted, &fine).await.status, 200);
}

#[actix_web::test]
async fn a_nonce_grows_old_and_is_the_same_after_a_restart() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let granted = app.code(&mut server.signed_in("alice").await).await;
    let wallet = Wallet::new(&server, Key::es256()).await;
    let (key, old) = (wallet.key, wallet.nonce);
    let server = server.restart(&[]).await;
    let wallet = Wallet { server: &server, key, nonce: old };
    let app = app.at(&server);
    let proof = wallet.proof("POST", "/oauth/token", &json!({}));
    assert_eq!(wallet.exchange(&app, &granted, &proof).await.status, 200, "no node remembers a nonce");
    server.advance(600);
    let answer = wallet.exchange(&app, &granted, &wallet.proof("POST", "/oauth/token", &json!({}))).await;
    assert_eq!(answer.error(), (400, "use_dpop_nonce".to_owned()));
    assert_ne!(answer.header("dpop-nonce"), Some(wallet.nonce.as_str()));
}

#[actix_web::test]
async fn a_public_clients_refresh_token_is_bound_and_a_confidential_ones_is_not() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let (wallet, thief) = (Wallet::new(&server, Key::es256()).await, Wallet::new(&server, Key::es256()).await);
    let tokens = wallet.tokens(&app).await;
    let refresh_token = text(&tokens, "refresh_token");
    assert_eq!(thief.refresh(&app, refresh_token).await.error(), (400, "invalid_grant".to_owned()));
    assert_eq!(
        app.refresh(refresh_token).await.expect_err("because no proof came"),
        (400, "invalid_request".to_owned())
    );
    let next = wallet.refresh(&app, refresh_token).await.json();
    assert_eq!(next["token_type"], "DPoP");
    assert_eq!(thief.refresh(&app, text(&next, "refresh_token")).await.error(), (400, "invalid_grant".to_owned()));
    assert_eq!(wallet.refresh(&app, text(&next, "refresh_token")).await.status, 200);
    // A confidential client proves itself; it may come with another key, and the token follows that.
    let app = server.application(confidential()).await;
    let granted = app.code(&mut server.signed_in("alice").await).await;
    let form = app.exchange_form(&granted);
    let credentials = harness::application::basic(app.client_id(), app.secret());
    let post = |form: Vec<(String, String)>, proof: String| {
        let (http, credentials) = (server.http.clone(), credentials.clone());
        async move {
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
            let headers = [("authorization", credentials.as_str()), ("dpop", proof.as_str()), FORM];
            http.send(actix_web::http::Method::POST, "/oauth/token", &headers, encode(&form)).await
        }
    };
    let first = post(form, wallet.proof("POST", "/oauth/token", &json!({}))).await.json();
    let refresh = ["grant_type", "refresh_token"].map(str::to_owned);
    let form = vec![refresh.clone().into(), ("refresh_token".to_owned(), text(&first, "refresh_token").to_owned())];
    let second = post(form, thief.proof("POST", "/oauth/token", &json!({}))).await.json();
    assert_eq!(thief.account(text(&second, "access_token"), &json!({})).await.status, 200);
    assert_eq!(wallet.account(text(&second, "access_token"), &json!({})).await.status, 401);
}

#[actix_web::test]
async fn a_code_that_named_a_key_is_redeemed_with_it_only() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let (wallet, thief) = (Wallet::new(&server, Key::es256()).await, Wallet::new(&server, Key::es256()).await);
    let mut alice = server.signed_in("alice").await;
    let request = app.request().with("dpop_jkt", &wallet.key.thumbprint());
    let granted = request.approve(&mut alice).await;
    assert_eq!(app.exchange(&granted).await.expect_err("because no proof came"), (400, "invalid_request".to_owned()));
    let by_thief = thief.exchange(&app, &granted, &thief.proof("POST", "/oauth/token", &json!({}))).await;
    assert_eq!(by_thief.error(), (400, "invalid_grant".to_owned()));
    let proof = wallet.proof("POST", "/oauth/token", &json!({}));
    assert_eq!(wallet.exchange(&app, &granted, &proof).await.status, 200);
    for wrong in ["short", &"=".repeat(43)] {
        let page = alice.open(&app.request().with("dpop_jkt", wrong).path()).await;
        assert_eq!(harness::http::parameter(page.away(), "error").as_deref(), Some("invalid_request"), "{wrong}");
    }
}

#[actix_web::test]
async fn a_client_that_wants_bound_tokens_only_gets_no_other() {
    let server = harness::spawn().await;
    let app = server.application(Draft { dpop_bound_access_tokens: true, ..public() }).await;
    let granted = app.code(&mut server.signed_in("alice").await).await;
    assert_eq!(app.exchange(&granted).await.expect_err("because no proof came"), (400, "invalid_request".to_owned()));
    let wallet = Wallet::new(&server, Key::es256()).await;
    let answer = wallet.exchange(&app, &granted, &wallet.proof("POST", "/oauth/token", &json!({}))).await;
    assert_eq!(answer.json()["token_type"], "DPoP");
}

#[actix_web::test]
async fn browser_apps_may_send_proofs_and_read_nonces() {
    let server = harness::spawn().await;
    let origin = ("origin", "https://spa.example");
    let asked = [origin, ("access-control-request-method", "POST"), ("access-control-request-headers", "dpop")];
    let answer = server.http.send(actix_web::http::Method::OPTIONS, "/oauth/token", &asked, "").await;
    let allowed = answer.header("access-control-allow-headers").unwrap_or_default().to_ascii_lowercase();
    assert!(answer.status < 300 && allowed.contains("dpop"), "{allowed}");
    let key = Key::es256();
    let proof = key.dpop(server.now().seconds(), ("POST", &server.url("/oauth/token")), &json!({}));
    let form = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", "x")];
    let answer = server.http.post("/oauth/token", &[origin, ("dpop", &proof)], &form).await;
    let exposed = answer.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
    assert!(exposed.contains("dpop-nonce") && exposed.contains("www-authenticate"), "{exposed}");
}

/// A lost answer is given again, but only to whoever got it first: the successor's key tells.
#[actix_web::test]
async fn a_parent_that_comes_again_with_another_key_ends_the_grant() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    for thief_has_key in [true, false] {
        let (wallet, thief) = (Wallet::new(&server, Key::es256()).await, Wallet::new(&server, Key::es256()).await);
        let mut browser = server.signed_in(&format!("p-{}", harness::random_word(8))).await;
        let plain = app.tokens(&mut browser).await;
        let bound = wallet.refresh(&app, plain.refresh()).await.json();
        let again = wallet.refresh(&app, plain.refresh()).await.json();
        assert_eq!(text(&bound, "refresh_token"), text(&again, "refresh_token"), "the same answer for the same key");
        let answer = match thief_has_key {
            true => thief.refresh(&app, plain.refresh()).await.error(),
            false => app.refresh(plain.refresh()).await.expect_err("because it sent no proof"),
        };
        assert_eq!(answer, (400, "invalid_grant".to_owned()));
        let after = wallet.refresh(&app, text(&bound, "refresh_token")).await;
        assert_eq!(after.error(), (400, "invalid_grant".to_owned()), "theft ends the grant");
    }
}
