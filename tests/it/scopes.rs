//! What counts of an asked scope (RFC 6749 §3.3): clients send, everywhere and each time, all that they might
//! want; what could not be given was left out the first time and is left out again.

use gatepost::domain::api::TokenFormat;
use gatepost::domain::client::GrantType;
use gatepost::domain::registration::Draft;
use gatepost::oauth::apis::{ApiDraft, register};
use gatepost::outcome::{Error, transact};

use crate::harness::devices::on_a_box_of_ours;
use crate::harness::http::parameter;
use crate::harness::{self, confidential};

/// OpenID Connect Core §11: the wish for `offline_access` is ignored where it is not the client's to have.
/// Clients of MCP add it because metadata lists it, and `authlib` repeats the scope when it refreshes.
#[actix_web::test]
async fn offline_access_of_a_client_that_did_not_register_it_is_ignored() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let granted = app.request().with("scope", "projects offline_access").approve(&mut alice).await;
    let tokens = app.exchange(&granted).await.expect("because this is its first use");
    assert_eq!(tokens.scope, "projects");
    let fresh = app.refresh_for(tokens.refresh(), "projects offline_access").await;
    assert_eq!(fresh.expect("because the rest was granted").scope, "projects");
    let unregistered = app.refresh_for(tokens.refresh(), "projects openid").await;
    assert_eq!(unregistered.expect("because the rest was granted").scope, "projects");
    let none = app.refresh_for(tokens.refresh(), "openid").await.expect_err("because nothing is left");
    assert_eq!(none, (400, "invalid_scope".to_owned()));
    for scope in ["offline_access", "openid offline_access", "unknown offline_access"] {
        let page = alice.open(&app.request().with("scope", scope).path()).await;
        assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_scope"), "{scope}");
    }
    let pushed = [("response_type", "code"), ("scope", "projects offline_access"), ("redirect_uri", "")];
    assert_eq!(app.post("/oauth/par", &pushed).await.status, 201);
}

#[actix_web::test]
async fn a_device_may_wish_for_offline_access_in_vain_too() {
    let server = harness::spawn().await;
    let app = server.application(on_a_box_of_ours()).await;
    let answer = app.ask_for_codes(&[("scope", "projects offline_access")]).await;
    let mut alice = server.signed_in("alice").await;
    alice.decide_device(&answer.member("user_code"), "allow").await;
    let given = app.poll(&answer.member("device_code")).await;
    assert_eq!(given.member("scope"), "projects");
    assert_eq!(app.ask_for_codes(&[("scope", "offline_access")]).await.error(), (400, "invalid_scope".to_owned()));
}

/// OpenID Connect Core §3.1.2.1: what was ignored as unknown for the code is ignored in a refresh.
#[actix_web::test]
async fn an_unknown_scope_is_ignored_in_a_refresh_as_it_was_before() {
    let server = harness::spawn().await;
    let grant_types = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    let draft = Draft { scope: Some("openid email".to_owned()), grant_types, ..confidential() };
    let app = server.application(draft).await;
    let mut alice = server.signed_in("alice").await;
    let granted = app.request().with("scope", "openid email address").approve(&mut alice).await;
    let tokens = app.exchange(&granted).await.expect("because this is its first use");
    let fresh = app.refresh_for(tokens.refresh(), "openid email address").await;
    assert_eq!(fresh.expect("because the rest was granted").scope, "openid email");
    let narrow = app.request().with("scope", "openid").approve(&mut alice).await;
    let narrow = app.exchange(&narrow).await.expect("because this is its first use");
    let wider = app.refresh_for(narrow.refresh(), "openid email").await.expect_err("because it was not granted");
    assert_eq!(wider, (400, "invalid_scope".to_owned()));
}

/// RFC 6749 §3.3; `docs/decisions/0001-unknown-scopes.md`.
#[actix_web::test]
async fn unknown_and_unregistered_scopes_are_treated_alike_and_refusals_name_them() {
    let server = harness::spawn().await;
    let scopes = ["tiles:read: See your map tiles", "tiles:write: Change your map tiles"];
    server.api("https://tiles.example", &scopes, false).await;
    let grant_types = vec![
        GrantType::AuthorizationCode,
        GrantType::RefreshToken,
        GrantType::ClientCredentials,
        GrantType::DeviceCode,
    ];
    let app = server.application(Draft { scope: Some("tiles:read".to_owned()), grant_types, ..confidential() }).await;
    let mut alice = server.signed_in("alice").await;
    for cannot in ["tiles:write", "nobody:knows", "openid"] {
        let both = format!("tiles:read {cannot}");
        let granted = app.request().with("scope", &both).approve(&mut alice).await;
        let tokens = app.exchange(&granted).await.expect("because this is its first use");
        assert_eq!(tokens.scope, "tiles:read", "{cannot}");
        let fresh = app.refresh_for(tokens.refresh(), &both).await.expect("because the rest was granted");
        assert_eq!(fresh.scope, "tiles:read", "{cannot}");
        let own = app.post("/oauth/token", &[("grant_type", "client_credentials"), ("scope", &both)]).await;
        assert_eq!(own.member("scope"), "tiles:read", "{cannot}");
        assert_eq!(app.ask_for_codes(&[("scope", &both)]).await.status, 200, "{cannot}");
        let pushed = [("response_type", "code"), ("redirect_uri", "https://app.example/callback"), ("scope", cannot)];
        let refused = [
            app.post("/oauth/token", &[("grant_type", "client_credentials"), ("scope", cannot)]).await,
            app.post("/v3/oauth/token", &[("grant_type", "client_credentials"), ("scope", cannot)]).await,
            app.ask_for_codes(&[("scope", cannot)]).await,
            app.post("/oauth/par", &pushed).await,
            app.post(
                "/oauth/token",
                &[("grant_type", "refresh_token"), ("refresh_token", tokens.refresh()), ("scope", cannot)],
            )
            .await,
        ];
        for answer in refused {
            assert_eq!(answer.error(), (400, "invalid_scope".to_owned()), "{cannot}");
            let description = answer.json()["error_description"].as_str().unwrap_or_default().to_owned();
            assert!(description.ends_with(&format!(": {cannot}")), "{description}");
        }
        let page = alice.open(&app.request().with("scope", cannot).path()).await;
        assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_scope"));
        let description = parameter(page.away(), "error_description").unwrap_or_default();
        assert!(description.ends_with(&format!(": {cannot}")), "{description}");
    }
}

/// What stands in an answer besides fixed words of ours is a scope, and short.
#[actix_web::test]
async fn a_refusal_names_no_more_than_a_few_short_scopes() {
    let server = harness::spawn().await;
    let app = server.application(Draft { grant_types: vec![GrantType::ClientCredentials], ..confidential() }).await;
    let ask = async |scope: &str| {
        let answer = app.post("/oauth/token", &[("grant_type", "client_credentials"), ("scope", scope)]).await;
        assert_eq!(answer.error(), (400, "invalid_scope".to_owned()), "{scope}");
        answer.json()["error_description"].as_str().unwrap_or_default().to_owned()
    };
    let plain = ask("\"").await;
    assert!(plain.ends_with('.'), "what cannot be read is not named: {plain}");
    let long = "x".repeat(65);
    assert_eq!(ask(&long).await, plain);
    let named = ask(&format!("{long} a b c d e f <b>bold</b>")).await;
    assert!(named.ends_with(": a b c d e (3 more)"), "{named}");
    for scope in ["\u{202e}", "a\nb", "a\u{0}", "\\", &"a ".repeat(3_000)] {
        let answer = app.post("/oauth/token", &[("grant_type", "client_credentials"), ("scope", scope)]).await;
        assert_eq!(answer.status, 400);
        assert!(!answer.text().contains(": a") && !answer.text().contains('\u{202e}'), "{}", answer.text());
    }
}

#[actix_web::test]
async fn a_scope_that_exists_is_named_with_the_api_that_has_it() {
    let server = harness::spawn().await;
    server.api("https://maps.example", &["maps:read: See maps"], false).await;
    for (scopes, words) in [
        (vec!["maps:read: See maps"], ["maps:read", "https://maps.example"]),
        (vec!["projects: See maps"], ["projects", "this server"]),
        (vec!["other: One", "other: Two"], ["other", "twice"]),
    ] {
        let (now, scopes) = (server.now(), scopes.into_iter().map(str::to_owned).collect());
        let (identifier, name) = ("https://other.example".to_owned(), "Other".to_owned());
        let draft = ApiDraft { identifier, name, scopes, is_first_party: false, token_format: TokenFormat::Opaque };
        let made = transact(&server.app.store, move |tx| register(tx, now, &[], draft.clone())).await;
        let Err(Error::Refused(problems)) = made else { panic!("a scope was registered twice") };
        assert!(words.iter().all(|word| problems[0].message.contains(word)), "{}", problems[0].message);
    }
}
