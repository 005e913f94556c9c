//! What the metadata says of requests that a person answers, and of what is told about them.

use std::collections::BTreeSet;

use gatepost::domain::registration::Draft;
use gatepost::domain::signing_key::SigningAlgorithm;

use super::{ALL_SCOPES, Walk, unnamed, whole};
use crate::harness::application::{Application, Pkce, allow};
use crate::harness::factors::Equipped;
use crate::harness::http::{Answer, parameter};
use crate::harness::pages::in_fragment;
use crate::harness::{confidential, execute, jwt};

/// The error of an authorization request, as the application hears it.
async fn error(walk: &Walk, request: &crate::harness::application::Request) -> String {
    let answer: Answer = walk.server.http.get(&request.path()).await;
    let location = answer.location().unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text()));
    parameter(location, "error").unwrap_or_default()
}

/// Whether this file knows the member; then its values were called.
pub async fn call(walk: &mut Walk, name: &str) -> bool {
    match name {
        "scopes_supported" => scopes(walk).await,
        "response_types_supported" => {
            assert_eq!(walk.list(name), ["code"], "each is called with every flow of this test");
            for other in ["token", "id_token", "code id_token", &unnamed()] {
                let request = walk.app.request().with("response_type", other);
                assert_eq!(error(walk, &request).await, "unsupported_response_type", "{other}");
            }
        }
        "response_modes_supported" => response_modes(walk).await,
        "code_challenge_methods_supported" => challenges(walk).await,
        "prompt_values_supported" => prompts(walk).await,
        "authorization_response_iss_parameter_supported" => {
            assert_eq!(walk.found[name], true);
            let granted = walk.app.clone().code(&mut walk.alice).await;
            assert_eq!(parameter(&granted.location, "iss").as_deref(), Some(walk.server.issuer()));
        }
        "subject_types_supported" => {
            assert_eq!(walk.list(name), ["public"]);
            let other = walk.server.application(whole()).await;
            let (one, two) = (walk.tokens("openid").await, walk.tokens_of(&other, "openid").await);
            let sub = |token: &str| jwt::read(token).claims["sub"].clone();
            assert_eq!(sub(one.id_token()), sub(two.id_token()), "everybody knows a person by the same name");
        }
        "id_token_signing_alg_values_supported" => {
            for algorithm in walk.list(name) {
                let draft = Draft { id_token_signed_response_alg: parsed(&algorithm), ..whole() };
                let app = walk.server.application(draft).await;
                let tokens = walk.tokens_of(&app, "openid").await;
                let token = jwt::verified(&walk.server, tokens.id_token()).await;
                assert_eq!(token.header["alg"], algorithm.as_str());
            }
            assert!("HS256".parse::<SigningAlgorithm>().is_err());
        }
        "userinfo_signing_alg_values_supported" => {
            for algorithm in walk.list(name) {
                let draft = Draft { userinfo_signed_response_alg: Some(parsed(&algorithm)), ..whole() };
                let app = walk.server.application(draft).await;
                let tokens = walk.tokens_of(&app, "openid").await;
                let answer = walk.server.http.get_with_token("/oauth/userinfo", &tokens.access_token).await;
                let token = jwt::verified(&walk.server, answer.text()).await;
                assert_eq!((&token.header["alg"], &token.claims["aud"]), (&algorithm.into(), &app.client_id().into()));
            }
        }
        "acr_values_supported" => classes(walk).await,
        "claims_supported" => claims(walk).await,
        "claims_parameter_supported" => {
            assert_eq!(walk.found[name], false);
            let request = walk.app.request().with("scope", "openid").with("claims", r#"{"id_token":{"email":null}}"#);
            let granted = request.approve(&mut walk.alice).await;
            let tokens = walk.app.exchange(&granted).await.expect("because it is the code's first use");
            assert_eq!(jwt::read(tokens.id_token()).claims.get("email"), None, "it is passed over");
        }
        "request_parameter_supported" => {
            assert_eq!(walk.found[name], false);
            assert_eq!(error(walk, &walk.app.request().with("request", "e30.e30.")).await, "request_not_supported");
        }
        "request_uri_parameter_supported" => {
            assert_eq!(walk.found[name], false);
            let request = walk.app.request().with("request_uri", "https://app.example/request");
            assert_eq!(error(walk, &request).await, "request_uri_not_supported");
        }
        _ => return false,
    }
    true
}

fn parsed(algorithm: &str) -> SigningAlgorithm {
    algorithm.parse().unwrap_or_else(|_| panic!("{algorithm} is named, and no client can choose it"))
}

async fn scopes(walk: &mut Walk) {
    let named = walk.list("scopes_supported");
    assert_eq!(named.join(" "), ALL_SCOPES, "and nothing else");
    for scope in named {
        let tokens = walk.tokens(&scope).await;
        assert!(tokens.scope.split(' ').any(|held| held == scope), "{scope}: {}", tokens.scope);
    }
    assert_eq!(error(walk, &walk.app.request().with("scope", &unnamed())).await, "invalid_scope");
}

async fn response_modes(walk: &mut Walk) {
    for mode in walk.list("response_modes_supported") {
        let request = walk.app.request().with("response_mode", &mode).with("prompt", "consent");
        let page = walk.alice.open(&request.path()).await;
        let page = allow(&mut walk.alice, &page).await;
        let code = match mode.as_str() {
            "query" => parameter(page.away(), "code"),
            "fragment" => in_fragment(page.away(), "code"),
            "form_post" => page.forms().iter().find_map(|form| form.value("code").map(str::to_owned)),
            other => panic!("{other} is new: add a way to read its answer"),
        };
        assert!(code.is_some(), "{mode}");
    }
    for other in ["jwt", "web_message", &unnamed()] {
        assert_eq!(error(walk, &walk.app.request().with("response_mode", other)).await, "invalid_request", "{other}");
    }
}

async fn classes(walk: &mut Walk) {
    for class in walk.list("acr_values_supported") {
        let mut browser = walk.server.browser();
        match class.as_str() {
            "1" => drop(browser.sign_in("alice").await),
            "2" => {
                let Equipped { app, .. } = walk.server.equipped("carol").await;
                let page = browser.first_step("/login", "carol").await;
                browser.second_step(&page, &app.code(walk.server.now(), 0)).await;
            }
            other => panic!("a class is called by signing in so: add the way to {other}"),
        }
        let request = walk.app.request().with("scope", "openid").with("acr_values", &class);
        let granted = request.approve(&mut browser).await;
        let tokens = walk.app.exchange(&granted).await.expect("because it is the code's first use");
        assert_eq!(jwt::read(tokens.id_token()).claims["acr"], class.as_str());
    }
    let request = walk.app.request().with("scope", "openid").with("acr_values", &unnamed());
    let tokens = walk.app.exchange(&request.approve(&mut walk.alice).await).await;
    let tokens = tokens.expect("because it is a wish (OpenID Connect Core §3.1.2.1)");
    assert_eq!(jwt::read(tokens.id_token()).claims["acr"], "1", "a class that nobody knows is passed over");
}

async fn challenges(walk: &mut Walk) {
    for method in walk.list("code_challenge_methods_supported") {
        assert_eq!(method, "S256", "{method} is new: add a way to make its challenge");
        walk.app.clone().tokens(&mut walk.alice).await;
    }
    assert_eq!(error(walk, &walk.app.request_with(Pkce::Plain)).await, "invalid_request");
    let request = walk.app.request().with("code_challenge_method", &unnamed());
    assert_eq!(error(walk, &request).await, "invalid_request");
}

async fn prompts(walk: &mut Walk) {
    let app: Application = walk.server.application(confidential()).await;
    app.tokens(&mut walk.alice).await;
    for prompt in walk.list("prompt_values_supported") {
        let path = app.request().with("prompt", &prompt).path();
        match prompt.as_str() {
            "none" => {
                let answer = walk.server.http.get(&path).await;
                let location = answer.location().unwrap_or_default().to_owned();
                assert_eq!(parameter(&location, "error").as_deref(), Some("login_required"));
                let page = walk.alice.open(&path).await;
                assert!(parameter(page.away(), "code").is_some(), "who allowed it before is answered at once");
            }
            "login" => assert!(!walk.alice.open(&path).await.all("input[type=password]").is_empty(), "{prompt}"),
            "consent" | "select_account" => {
                let page = walk.alice.open(&path).await;
                assert!(page.away.is_none() && page.status == 200, "{prompt}: the consent is remembered, and asked");
            }
            "create" => {
                let page = walk.server.browser().open(&path).await;
                assert!(page.url.path().ends_with("/register"), "{}", page.url);
            }
            other => panic!("{other} is new: add what it shows"),
        }
    }
    // OpenID Connect Core §3.1.2.1 lets values that nobody knows be ignored.
    let page = walk.alice.open(&app.request().with("prompt", &unnamed()).path()).await;
    assert!(parameter(page.away(), "code").is_some());
}

async fn claims(walk: &mut Walk) {
    let alice = walk.server.person_named("alice").await.id.number();
    let sql = format!("UPDATE users SET homepage = 'https://alice.example' WHERE id = {alice}");
    walk.server.write(move |tx| execute(tx, &sql)).await;
    let request = walk.app.request().with("scope", "openid profile email").with("nonce", "n");
    let granted = request.approve(&mut walk.alice).await;
    let tokens = walk.app.exchange(&granted).await.expect("because it is the code's first use");
    let token = jwt::read(tokens.id_token()).claims;
    let info = walk.server.http.get_with_token("/oauth/userinfo", &tokens.access_token).await.json();
    let told = [&token, &info].into_iter().flat_map(|told| told.as_object().expect("because it is one").keys());
    // What binds an ID token to the access token beside it is no claim about anybody (§3.1.3.6).
    let told: BTreeSet<String> = told.filter(|name| *name != "at_hash").cloned().collect();
    assert_eq!(told, walk.list("claims_supported").into_iter().collect(), "each named claim is told, and no other");
    let narrow = walk.tokens("openid").await;
    let info = walk.server.http.get_with_token("/oauth/userinfo", &narrow.access_token).await.json();
    assert_eq!(info.as_object().map(|members| members.len()), Some(1), "without their scopes they are not: {info}");
}
