//! A token at the door of the platform's API: every way to send it, every reason to be refused, and what
//! an app does not see.

use actix_web::http::Method;
use gatepost::domain::id::Id;
use gatepost::domain::token::{AccessToken, ClientSecret, SessionKey, Token, UserToken};
use gatepost::store::clients;

use crate::harness::http::{Answer, encode, parameter};
use crate::harness::pages::{RETURN_URL, returns_to};
use crate::harness::{self, Server, confidential};

async fn user_token(server: &Server) -> String {
    server.application(returns_to(&[RETURN_URL])).await;
    let location = server.signed_in("alice").await.come_back_to(RETURN_URL).await;
    parameter(&location, "token").expect("because the person agreed")
}

async fn ask(server: &Server, headers: &[(&str, &str)], query: &[(&str, &str)]) -> Answer {
    server.http.send(Method::GET, &format!("/v3/account?{}", encode(query)), headers, "").await
}

#[actix_web::test]
async fn the_header_the_query_or_both_with_the_same_token_open_the_door() {
    let server = harness::spawn().await;
    let token = user_token(&server).await;
    let header = |scheme: &str| format!("{scheme} {token}");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let answer = ask(&server, &[("authorization", &header(scheme))], &[]).await;
        assert_eq!((answer.status, answer.json()["username"].as_str()), (200, Some("alice")), "{scheme}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    for value in [token.clone(), header("Bearer"), header("bearer")] {
        assert_eq!(ask(&server, &[], &[("token", &value)]).await.status, 200, "{value}");
        let both = ask(&server, &[("authorization", &header("Bearer"))], &[("token", &value), ("mapId", "1")]).await;
        assert_eq!(both.status, 200, "{value}");
    }
}

#[actix_web::test]
async fn two_different_tokens_are_an_error_even_if_both_work() {
    let server = harness::spawn().await;
    let first = user_token(&server).await;
    let second = server.signed_in("bob").await.come_back_to(RETURN_URL).await;
    let second = parameter(&second, "token").expect("because the person agreed");
    let header = format!("Bearer {first}");
    let answer = ask(&server, &[("authorization", &header)], &[("token", &second)]).await;
    assert_eq!(answer.error(), (400, "invalid_request".to_owned()));
    assert!(answer.json()["message"].as_str().is_some_and(|message| !message.is_empty()));
    let answer = ask(&server, &[("authorization", &header)], &[("token", "x")]).await;
    assert_eq!(answer.status, 400);
}

/// RFC 6749 §3.1 and `docs/decisions/0035-sizes-and-repeats.md`: repeated parameters are refused.
#[actix_web::test]
async fn a_token_that_is_sent_twice_in_the_query_is_an_error() {
    let server = harness::spawn().await;
    let token = user_token(&server).await;
    let answer = ask(&server, &[], &[("token", &token), ("token", "gpu_another")]).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
}

#[actix_web::test]
async fn without_a_token_the_challenge_is_bare() {
    let server = harness::spawn().await;
    for headers in [&[][..], &[("authorization", "Basic eDp5")], &[("authorization", "Bearer")], &[("cookie", "a=b")]] {
        let answer = ask(&server, headers, &[]).await;
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        // RFC 6750 §3.1: what the request lacks, and no error code.
        let is_bare =
            challenge.starts_with("Bearer scope=\"projects\", resource_metadata=") && !challenge.contains("error");
        assert!(answer.status == 401 && is_bare, "{headers:?}: {challenge}");
        assert!(answer.json()["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
}

#[actix_web::test]
async fn a_refusal_says_whether_the_token_is_malformed_expired_or_unknown() {
    let server = harness::spawn().await;
    let token = user_token(&server).await;
    let parsed = Token::<UserToken>::parse(&token).expect("because it is one of ours");
    let (forged, invented) = (
        Token::<UserToken>::from_entropy(parsed.id(), &[7; 32]),
        Token::<UserToken>::from_entropy(Id::from_number(7), &[7; 32]),
    );
    let as_other_kind = Token::<AccessToken>::from_entropy(parsed.id(), &[7; 32]);
    let cut = &token[..token.len() - 1];
    let mut mistyped = token.clone();
    mistyped.replace_range(20..21, if token.as_bytes()[20] == b'x' { "y" } else { "x" });
    let (malformed, unknown) = ("The token is malformed.", "The token is revoked or unknown.");
    for (what, sent, description) in [
        ("noise", "x", malformed),
        ("truncated", cut, malformed),
        ("mistyped", &mistyped, malformed),
        ("letters of another alphabet", "gpu_日本", malformed),
        ("the right row with a wrong secret", forged.expose(), unknown),
        ("no row", invented.expose(), unknown),
        ("another kind with the right row", as_other_kind.expose(), unknown),
    ] {
        let answer = ask(&server, &[], &[("token", sent)]).await;
        assert_eq!(answer.error(), (401, "invalid_token".to_owned()), "{what}");
        assert_eq!(answer.json()["error_description"].as_str(), Some(description), "{what}");
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{what}: {challenge}");
    }
    assert_eq!(server.account_status(&token).await, 200, "a wrong secret counts for nothing");
}

#[actix_web::test]
async fn what_is_no_token_for_doors_opens_none() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let granted = app.code(&mut alice).await;
    let tokens = app.tokens(&mut alice).await;
    let session = alice.cookies().values().next().expect("because the browser is logged in").clone();
    let session_key = session.find("gpb_").map_or("", |start| &session[start..]);
    assert!(Token::<SessionKey>::parse(session_key).is_ok(), "{session}");
    assert!(Token::<ClientSecret>::parse(app.secret()).is_ok());
    for sent in [&granted.code, tokens.refresh(), app.secret(), session_key, &session] {
        assert_eq!(server.account_status(sent).await, 401, "{sent}");
    }
    assert_eq!(alice.bare(Method::GET, "/v3/account", &[], "").await.status, 401, "a session is no token");
}

#[actix_web::test]
async fn an_app_does_not_see_the_address_and_what_belongs_to_security() {
    let server = harness::spawn().await;
    let app = server.application(returns_to(&[RETURN_URL])).await;
    let oauth = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let redirected = alice.come_back_to(RETURN_URL).await;
    let redirected = parameter(&redirected, "token").expect("because the person agreed");
    let granted = oauth.tokens(&mut alice).await.access_token;
    let shielded = ["email", "unvalidatedEmail", "hasPassword", "disabled", "registrationDate"];
    for token in [&redirected, &granted] {
        let account = server.http.get_with_token("/v3/account", token).await.json();
        assert_eq!(account["username"], "alice");
        assert!(account["id"].as_str().is_some_and(|id| id.len() == 36));
        for field in shielded {
            assert_eq!(account.get(field), None, "{field}");
        }
    }
    let id = app.client.id;
    server.write(move |tx| clients::set_first_party(tx, id, true)).await;
    let account = server.http.get_with_token("/v3/account", &redirected).await.json();
    assert_eq!(account.get("email"), None, "she was not told so when she allowed this one");
    let whole = parameter(&alice.come_back_to(RETURN_URL).await, "token").expect("because she agreed again");
    let account = server.http.get_with_token("/v3/account", &whole).await.json();
    assert_eq!(account["email"], "alice@people.example", "the operator vouches for this app");
    assert_eq!((&account["hasPassword"], &account["disabled"]), (&true.into(), &false.into()));
}

#[actix_web::test]
async fn an_oauth_token_without_projects_is_refused_by_name() {
    let server = harness::spawn().await;
    server.api("https://tiles.example", &["tiles: see your tiles"], false).await;
    let draft = gatepost::domain::registration::Draft { scope: Some("tiles".to_owned()), ..confidential() };
    let app = server.application(draft).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    let answer = server.http.get_with_token("/v3/account", &tokens.access_token).await;
    assert_eq!(answer.error(), (403, "insufficient_scope".to_owned()));
}

#[actix_web::test]
async fn any_web_page_may_call_it_and_reads_the_errors_too() {
    let server = harness::spawn().await;
    let token = format!("Bearer {}", user_token(&server).await);
    let origin = ("origin", "https://map.example");
    for headers in [&[origin, ("authorization", token.as_str())][..], &[origin], &[("origin", "null")]] {
        let answer = ask(&server, headers, &[]).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{}", answer.status);
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    let preflight = [
        origin,
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let answer = server.http.send(Method::OPTIONS, "/v3/account", &preflight, "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")));
    let allowed = answer.header("access-control-allow-headers").unwrap_or_default().to_ascii_lowercase();
    assert!(allowed.contains("authorization") && allowed.contains("content-type"), "{allowed}");
}

#[actix_web::test]
async fn the_platforms_programs_find_its_name() {
    let server = harness::spawn().await;
    let answer = server.http.get("/v3").await;
    let slashed = server.http.get("/v3/").await;
    assert_eq!((slashed.status, &slashed.body), (200, &answer.body), "some write a slash behind the base");
    assert_eq!(answer.status, 200);
    assert!(answer.text().to_lowercase().contains("ellipsis"), "{}", answer.text());
}

/// `docs/compatibility/ellipsis.md#conventions`: errors under `/v3` are JSON with a `message`.
#[actix_web::test]
async fn what_is_not_there_says_so_in_the_platforms_words() {
    let server = harness::spawn().await;
    for path in ["/v3/nothing", "/v3/account/x"] {
        let answer = server.http.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.json()["message"].is_string(), "{path}: {}", answer.text());
    }
}
