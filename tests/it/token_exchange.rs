//! Token exchange (RFC 8693): a person's own token becomes a short one for a single API, never more than
//! it was made from, and gone with it.

use actix_web::http::Method;
use gatepost::domain::client::GrantType;
use gatepost::domain::registration::Draft;
use gatepost::domain::scope::Scope;
use gatepost::domain::user::User;
use gatepost::outcome::transact;
use gatepost::store::{Database, clients};
use gatepost::tokens::new_personal_token::{self, Limits};
use gatepost::tokens::revoke;
use serde_json::{Value, json};

use crate::harness::application::Application;
use crate::harness::http::Answer;
use crate::harness::token_holders::{ACCESS_TOKENS, TILES};
use crate::harness::{self, Server, confidential, execute, public, somewhere};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const HOUSE: &str = "https://house.example/api";

fn exchanging(scope: &str) -> Draft {
    let grant_types = vec![GrantType::TokenExchange];
    Draft { grant_types, scope: Some(scope.to_owned()), redirect_uris: Vec::new(), ..confidential() }
}

/// The server, the operator's own API, somebody's API, and a gateway that may exchange.
struct House {
    server: Server,
    own: Application,
    tiles: Application,
    gateway: Application,
}

async fn begin() -> House {
    let server = harness::spawn().await;
    let own = server.api(HOUSE, &["house:read: Read here", "house:write: Write here"], true).await;
    let tiles = server.api(TILES, &["tiles:read: See tiles", "tiles:write: Change tiles"], false).await;
    let scope = "projects house:read house:write tiles:read tiles:write";
    let gateway = server.application(exchanging(scope)).await;
    House { server, own, tiles, gateway }
}

async fn ask(app: &Application, subject: &str, more: &[(&str, &str)]) -> Answer {
    let form = [("grant_type", GRANT), ("subject_token", subject), ("subject_token_type", ACCESS_TOKEN)];
    let given = |name: &str| more.iter().any(|(other, _)| *other == name);
    let form = form.iter().filter(|(name, _)| !given(name));
    let form: Vec<(&str, &str)> = form.chain(more).copied().collect();
    app.post("/oauth/token", &form).await
}

/// Asks a proxy before an API.
async fn check(server: &Server, token: &str, api: &str, (method, path): (&str, &str)) -> u16 {
    let headers = [("x-original-method", method), ("x-original-uri", path)];
    let address = if api.is_empty() { "/auth/check".to_owned() } else { format!("/auth/check?api={api}") };
    server.program(token).send(Method::GET, &address, &headers, &Value::Null).await.status
}

/// A personal token with these scopes, for so long.
async fn with_scopes(server: &Server, user: &User, scope: &str, valid_for: Option<i64>) -> String {
    let (now, user) = (server.now(), user.clone());
    let limits = Limits { allow_permanent: true, max_lifetime: None, accept_unknown_resources: true };
    let scope: Scope = scope.parse().expect("because a test spells its scopes right");
    let description = "x".to_owned();
    let draft = new_personal_token::Draft { description, scope, valid_for, ..new_personal_token::Draft::default() };
    let make =
        move |tx: &mut Database| new_personal_token::create(tx, now, &limits, ((&user, &somewhere()), &draft, None));
    let made = transact(&server.app.store, make);
    made.await.expect("because it is right").expose().to_owned()
}

#[actix_web::test]
async fn a_user_token_becomes_a_short_one_for_one_api_of_the_house() {
    let House { server, own, tiles, gateway } = begin().await;
    let alice = server.person("alice").await;
    let whole = server.log_in("alice").await;
    let other = server.api("https://other.example", &["other: Do other things"], true).await;
    for target in ["audience", "resource"] {
        let answer = ask(&gateway, whole.token(), &[(target, HOUSE)]).await;
        let body = answer.success();
        assert_eq!((&body["issued_token_type"], &body["token_type"]), (&json!(ACCESS_TOKEN), &json!("Bearer")));
        assert_eq!((&body["expires_in"], body.get("refresh_token")), (&json!(600), None));
        assert_eq!(body["scope"], "house:read house:write projects");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let token = body["access_token"].as_str().expect("because it was answered");
        for asker in [&gateway, &own] {
            let found = asker.introspect(token).await;
            assert_eq!((&found["active"], &found["token_kind"]), (&json!(true), &json!("oauth")));
            assert_eq!((&found["username"], &found["sub"]), (&json!("alice"), &json!(alice.id.uuid())));
            assert_eq!((&found["client_id"], &found["aud"]), (&json!(gateway.client_id()), &json!(HOUSE)));
        }
        assert!(!tiles.is_active(token).await && !other.is_active(token).await, "it is for one API");
        assert_eq!(check(&server, token, HOUSE, ("GET", "/map")).await, 200);
        for elsewhere in ["https://other.example", TILES, ""] {
            assert_eq!(check(&server, token, elsewhere, ("GET", "/map")).await, 403, "{elsewhere}");
        }
        for door in ["/v3/account", "/v3/account/root/myDrive"] {
            server.program(token).get(door).await.refusal(403);
        }
    }
    let narrow = ask(&gateway, whole.token(), &[("audience", HOUSE), ("scope", "house:read tiles:read")]).await;
    assert_eq!(narrow.success()["scope"], "house:read", "what is in common");
}

#[actix_web::test]
async fn it_is_never_more_than_the_token_the_api_and_the_client_have_in_common() {
    let House { server, gateway, .. } = begin().await;
    let alice = server.person("alice").await;
    let reads = with_scopes(&server, &alice, "tiles:read house:read", None).await;
    for (target, scope) in [(TILES, "tiles:read"), (HOUSE, "house:read")] {
        assert_eq!(ask(&gateway, &reads, &[("audience", target)]).await.success()["scope"], scope);
        let asked = [("audience", target), ("scope", "tiles:read house:read tiles:write house:write projects")];
        assert_eq!(ask(&gateway, &reads, &asked).await.success()["scope"], scope);
    }
    for scope in ["tiles:write", "projects", "house:read", "unknown", "\""] {
        let answer = ask(&gateway, &reads, &[("audience", TILES), ("scope", scope)]).await;
        assert_eq!(answer.error(), (400, "invalid_scope".into()), "{scope}");
    }
    let small = server.application(exchanging("tiles:write")).await;
    assert_eq!(ask(&small, &reads, &[("audience", TILES)]).await.error(), (400, "invalid_scope".into()));
    let whole = server.log_in("alice").await;
    let answer = ask(&gateway, whole.token(), &[("audience", TILES)]).await;
    assert_eq!(answer.error(), (400, "invalid_target".into()), "a user token opens no stranger's API");
}

#[actix_web::test]
async fn an_access_list_goes_along_and_is_judged_at_every_use() {
    let House { server, tiles, own, gateway } = begin().await;
    let alice = server.person("alice").await;
    server.resource("map", None, &alice).await;
    let whole = server.log_in("alice").await;
    let made = whole.make_token(json!([{ "pathId": "map", "access": { "accessTier": "view" } }])).await;
    let personal = made["token"].as_str().expect("because it was just made");
    let token = ask(&gateway, personal, &[("audience", HOUSE)]).await.member("access_token");
    assert_eq!(own.introspect(&token).await["access_list"][0]["pathId"], "map");
    for (request, status) in
        [(("GET", "/v3/path/map"), 200), (("POST", "/v3/path/map"), 403), (("DELETE", "/v3/path/other"), 403)]
    {
        assert_eq!(check(&server, &token, HOUSE, request).await, status, "{request:?}");
        assert_eq!(check(&server, personal, HOUSE, request).await, status, "as with the token that it was made from");
    }
    assert!(!tiles.is_active(&token).await);
    let answer = ask(&gateway, personal, &[("audience", TILES)]).await;
    assert_eq!(answer.error(), (400, "invalid_target".into()), "the list counts at the operator's APIs only");
    let wider = ask(&gateway, personal, &[("audience", HOUSE), ("scope", "projects")]).await;
    assert_eq!(wider.error(), (400, "invalid_scope".into()), "a list is not the whole account");
}

#[actix_web::test]
async fn a_list_is_a_limit_at_every_api() {
    let House { server, tiles, gateway, .. } = begin().await;
    let alice = server.person("alice").await;
    let (now, user) = (server.now(), alice.clone());
    let limits = Limits { allow_permanent: true, max_lifetime: None, accept_unknown_resources: true };
    let entry = json!([{ "pathId": "map", "access": { "accessTier": "view" } }]);
    let access_list = Some(new_personal_token::parse_access_list(Some(&entry)).expect("because it is right"));
    let scope: Scope = "tiles:read".parse().expect("because it is a scope");
    let draft = new_personal_token::Draft {
        description: "x".to_owned(),
        scope,
        access_list,
        ..new_personal_token::Draft::default()
    };
    let make =
        move |tx: &mut Database| new_personal_token::create(tx, now, &limits, ((&user, &somewhere()), &draft, None));
    let made = transact(&server.app.store, make);
    let personal = made.await.expect("because it is right").expose().to_owned();
    let token = ask(&gateway, &personal, &[("audience", TILES)]).await.member("access_token");
    assert_eq!(tiles.introspect(&token).await["access_list"][0]["pathId"], "map");
    for (request, status) in [(("GET", "/v3/path/map"), 200), (("POST", "/v3/path/map"), 403)] {
        assert_eq!(check(&server, &personal, TILES, request).await, status, "{request:?}");
        assert_eq!(check(&server, &token, TILES, request).await, status, "{request:?}");
    }
}

#[actix_web::test]
async fn it_lives_ten_minutes_and_no_longer_than_what_it_was_made_from() {
    let House { server, gateway, .. } = begin().await;
    let alice = server.person("alice").await;
    for (valid_for, expected) in [(None, 600), (Some(601), 600), (Some(599), 599), (Some(1), 1)] {
        let subject = with_scopes(&server, &alice, "tiles:read", valid_for).await;
        let body = ask(&gateway, &subject, &[("audience", TILES)]).await.success();
        assert_eq!(body["expires_in"], expected, "{valid_for:?}");
        let token = body["access_token"].as_str().unwrap_or_default();
        server.advance(u32::try_from(expected - 1).unwrap_or_default());
        assert!(gateway.is_active(token).await);
        server.advance(1);
        assert!(!gateway.is_active(token).await);
        if valid_for == Some(1) {
            let late = ask(&gateway, &subject, &[("audience", TILES)]).await;
            assert_eq!(late.error(), (400, "invalid_request".into()), "it has expired");
        }
    }
}

#[actix_web::test]
async fn whatever_ends_the_token_the_person_or_the_client_ends_what_was_made_of_it() {
    let House { server, gateway, .. } = begin().await;
    let alice = server.person("alice").await;
    let whole = server.log_in("alice").await;
    let exchange = async |subject: &str| ask(&gateway, subject, &[("audience", HOUSE)]).await.member("access_token");
    let made = whole.make_token(json!([{ "pathId": "map", "access": { "accessTier": "view" } }])).await;
    let personal = made["token"].as_str().expect("because it was just made");
    let (of_whole, of_personal) = (exchange(whole.token()).await, exchange(personal).await);
    for (disable, suspend) in [(true, false), (false, true)] {
        server.disable(&alice, disable).await;
        server.suspend(&gateway, suspend).await;
        for token in [&of_whole, &of_personal] {
            assert_eq!(check(&server, token, HOUSE, ("GET", "/v3/path/map")).await, 401);
        }
        server.disable(&alice, false).await;
        server.suspend(&gateway, false).await;
        assert_eq!(check(&server, &of_whole, HOUSE, ("GET", "/v3/path/map")).await, 200, "undone without loss");
    }
    whole.delete(&format!("{ACCESS_TOKENS}/{}", made["id"].as_str().unwrap_or_default())).await.success();
    assert!(!gateway.is_active(&of_personal).await && gateway.is_active(&of_whole).await);
    // One token's own end, without its grant's.
    let subject = with_scopes(&server, &alice, "house:read", None).await;
    let of_subject = exchange(&subject).await;
    let key = gatepost::domain::token_record::BearerToken::parse(&subject).expect("because it was just made").id();
    let now = server.now();
    server.write(move |tx| gatepost::store::tokens::revoke(tx, now, key)).await;
    assert!(!gateway.is_active(&of_subject).await);
    gateway.revoke(&of_whole).await.success();
    assert!(!gateway.is_active(&of_whole).await, "its own client gives it back");
    assert_eq!(server.account_status(whole.token()).await, 200, "and what it was made from stays");
    let (last, user) = (exchange(whole.token()).await, alice.id);
    server.write(move |tx| revoke::everything(tx, now, user)).await;
    assert!(!gateway.is_active(&last).await);
}

#[actix_web::test]
async fn only_a_persons_own_token_is_exchanged() {
    let server = harness::spawn().await;
    server.api(HOUSE, &["house:read: Read here"], true).await;
    let gateway = server.application(exchanging("projects house:read")).await;
    let (_, held) = server.one_of_each("alice").await;
    let forged = held.whole.replace(&held.whole[20..24], "0000");
    for (kind, token) in held.each() {
        let answer = ask(&gateway, token, &[("audience", HOUSE)]).await;
        if ["whole", "first party", "personal"].contains(&kind) {
            let short = answer.member("access_token");
            let again = ask(&gateway, &short, &[("audience", HOUSE)]).await;
            assert_eq!(again.error(), (400, "invalid_request".into()), "no chains: {kind}");
        } else {
            assert_eq!(answer.error(), (400, "invalid_request".into()), "{kind}");
        }
    }
    for noise in ["x", &forged, &held.whole[1..], gateway.secret(), "\u{e4}"] {
        let answer = ask(&gateway, noise, &[("audience", HOUSE)]).await;
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{noise}");
    }
}

#[actix_web::test]
async fn what_is_missing_unknown_or_too_much_is_refused_by_name() {
    let House { server, gateway, .. } = begin().await;
    server.person("alice").await;
    let whole = server.log_in("alice").await;
    let id_token = "urn:ietf:params:oauth:token-type:id_token";
    for (more, error) in [
        (&[][..], "invalid_request"),
        (&[("audience", HOUSE), ("subject_token", "")], "invalid_request"),
        (&[("audience", HOUSE), ("subject_token_type", "")], "invalid_request"),
        (&[("audience", HOUSE), ("subject_token_type", id_token)], "invalid_request"),
        (&[("audience", HOUSE), ("requested_token_type", id_token)], "invalid_request"),
        (&[("audience", HOUSE), ("actor_token", "x"), ("actor_token_type", ACCESS_TOKEN)], "invalid_request"),
        (&[("audience", HOUSE), ("actor_token_type", ACCESS_TOKEN)], "invalid_request"),
        (&[("audience", HOUSE), ("scope", "house:read"), ("scope", "house:read")], "invalid_request"),
        (&[("audience", "https://nobody.example")], "invalid_target"),
        (&[("audience", "house")], "invalid_target"),
        (&[("audience", HOUSE), ("audience", TILES)], "invalid_target"),
        (&[("resource", HOUSE), ("resource", TILES)], "invalid_target"),
        (&[("audience", TILES), ("resource", HOUSE)], "invalid_target"),
    ] {
        assert_eq!(ask(&gateway, whole.token(), more).await.error(), (400, error.into()), "{more:?}");
    }
    assert_eq!(server.count("grants WHERE kind = 'token_exchange'").await, 0, "a refusal writes nothing");
    let twice = [("audience", HOUSE), ("resource", HOUSE), ("requested_token_type", ACCESS_TOKEN)];
    ask(&gateway, whole.token(), &twice).await.success();
}

#[actix_web::test]
async fn only_a_client_with_a_secret_that_registered_the_grant_exchanges() {
    let House { server, own, tiles, gateway } = begin().await;
    server.person("alice").await;
    let whole = server.log_in("alice").await;
    for app in [&server.application(confidential()).await, &server.application(public()).await, &own, &tiles] {
        let answer = ask(app, whole.token(), &[("audience", HOUSE)]).await;
        assert_eq!(answer.error(), (400, "unauthorized_client".into()));
    }
    let form = [("grant_type", GRANT), ("subject_token", whole.token()), ("subject_token_type", ACCESS_TOKEN)];
    let bare: Vec<_> = form.into_iter().chain([("audience", HOUSE), ("client_id", gateway.client_id())]).collect();
    assert_eq!(server.http.post("/oauth/token", &[], &bare).await.error(), (401, "invalid_client".into()));
    // An API of the house that calls another one, registered as `gatepost client update` does it.
    let sql = format!("UPDATE clients SET grant_types = '{GRANT}' WHERE id = {}", own.client.id.number());
    server.write(move |tx| execute(tx, &sql)).await;
    server.api("https://other.example", &["other: Do other things"], true).await;
    let body = ask(&own, whole.token(), &[("audience", "https://other.example")]).await.success();
    assert_eq!(body["scope"], "other projects", "its own registration is no limit to the operator's API");
    let (now, key) = (server.now(), tiles.client.id);
    server.write(move |tx| clients::delete(tx, now, key)).await;
    let gone = ask(&gateway, whole.token(), &[("audience", TILES)]).await;
    assert_eq!(gone.error(), (400, "invalid_target".into()));
}

#[actix_web::test]
async fn a_short_token_is_no_app_of_the_persons() {
    let House { server, gateway, .. } = begin().await;
    let mut alice = server.signed_in("alice").await;
    let whole = server.log_in("alice").await;
    ask(&gateway, whole.token(), &[("audience", HOUSE)]).await.success();
    let page = alice.open("/account/apps").await;
    assert!(!page.text().contains(&gateway.client.name), "{}", page.text());
}
