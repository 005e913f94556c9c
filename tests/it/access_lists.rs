//! What a personal token opens: every spelling of the platform, duplicates, fences, and for resources that the
//! platform told us of never more than its owner holds at that moment (`docs/compatibility/ellipsis.md#access-lists`;
//! `docs/decisions/0009-whose-resources.md`).

use gatepost::domain::access_list::Tier;
use gatepost::domain::user::Role;
use serde_json::{Value, json};

use crate::harness::application::Application;
use crate::harness::http::Answer;
use crate::harness::token_holders::{ACCESS_TOKENS, Program, TILES};
use crate::harness::{self, Server};

async fn ask(program: &Program, list: &Value) -> Answer {
    program.post(ACCESS_TOKENS, &json!({ "description": "d", "accessList": list })).await
}

fn entry(path: &str, tier: &str) -> Value {
    json!({ "pathId": path, "access": { "accessTier": tier } })
}

/// A person's program, and the platform's own API, which may introspect everybody's tokens.
async fn alice(server: &Server) -> (Program, Application) {
    server.person("alice").await;
    (server.log_in("alice").await, server.api(TILES, &[], true).await)
}

async fn seen(api: &Application, token: &Value) -> Value {
    api.introspect(token.as_str().expect("because it was just made")).await["access_list"].clone()
}

#[actix_web::test]
async fn every_spelling_of_the_platform_means_one_of_seven_tiers() {
    let server = harness::spawn().await;
    let (program, api) = alice(&server).await;
    let nested = |access: Value| json!({ "pathId": "p", "access": access });
    for (sent, tier) in [
        (entry("p", "view"), "view"),
        (entry("p", "viewPlus"), "viewPlus"),
        (entry("p", "share"), "share"),
        (entry("p", "edit"), "edit"),
        (entry("p", "fullView"), "fullView"),
        (entry("p", "editPlus"), "editPlus"),
        (entry("p", "admin"), "admin"),
        (entry("p", "view+"), "viewPlus"),
        (entry("p", "edit+"), "editPlus"),
        (entry("p", "fillView"), "fullView"),
        (json!({ "pathId": "p", "accessTier": "view+" }), "viewPlus"),
        (json!({ "pathId": "p", "access": null, "accessTier": "edit" }), "edit"),
        (nested(json!("share")), "share"),
        (nested(json!({ "accessLevel": 100 })), "view"),
        (nested(json!({ "accessLevel": 199 })), "view"),
        (nested(json!({ "accessLevel": 200 })), "viewPlus"),
        (nested(json!({ "accessLevel": 300 })), "share"),
        (nested(json!({ "accessLevel": 400 })), "fullView"),
        (nested(json!({ "accessLevel": 550 })), "edit"),
        (nested(json!({ "accessLevel": 800 })), "editPlus"),
        (json!({ "pathId": "p", "accessLevel": 1_000 }), "admin"),
        (json!({ "pathId": "p", "accessLevel": 1_000.0 }), "admin"),
        (json!({ "pathId": "p", "accessLevel": 4_000_000_000_u64 }), "admin"),
        (nested(json!({ "accessTier": "view", "accessLevel": 1_000 })), "view"),
        (nested(json!({ "accessTier": "view", "processingUnits": 7, "canShare": true })), "view"),
    ] {
        let made = ask(&program, &json!([sent])).await.success();
        let stored = json!([{ "pathId": "p", "access": { "accessTier": tier } }]);
        assert_eq!(made["accessList"], stored, "{sent}");
        assert_eq!(seen(&api, &made["token"]).await, stored, "{sent}");
    }
}

#[actix_web::test]
async fn what_is_no_tier_or_no_resource_is_told() {
    let server = harness::spawn().await;
    let (program, _) = alice(&server).await;
    let nested = |access: Value| json!([{ "pathId": "p", "access": access }]);
    for (list, named) in [
        (json!([]), "at least one"),
        (json!("p"), "array"),
        (json!({}), "array"),
        (json!(["p"]), "array"),
        (json!([[]]), "array"),
        (json!([entry("p", "View")]), "accessTier"),
        (json!([entry("p", "none")]), "accessTier"),
        (json!([entry("p", "")]), "accessTier"),
        (json!([entry("p", "view"), entry("q", "write")]), "accessTier"),
        (json!([{ "pathId": "p" }]), "accessTier"),
        (nested(json!({})), "accessTier"),
        (nested(json!([])), "accessTier"),
        (nested(json!(100)), "accessTier"),
        (nested(json!({ "accessLevel": 99 })), "accessLevel must"),
        (nested(json!({ "accessLevel": 0 })), "accessLevel must"),
        (nested(json!({ "accessLevel": -100 })), "accessLevel must"),
        (nested(json!({ "accessLevel": "100" })), "accessLevel must"),
        (nested(json!({ "accessLevel": null })), "accessTier"),
        (nested(json!({ "accessTier": 100 })), "accessTier"),
        (nested(json!({ "accessTier": "view", "geoFence": [] })), "geoFence"),
        (nested(json!({ "accessTier": "view", "geoFence": {} })), "geoFence"),
        (nested(json!({ "accessTier": "view", "propertyFence": "name" })), "propertyFence"),
        (nested(json!({ "accessTier": "view", "propertyFence": [1] })), "propertyFence"),
        (json!([{ "access": { "accessTier": "view" } }]), "pathId"),
        (json!([entry("", "view")]), "pathId"),
        (json!([entry("a\nb", "view")]), "pathId"),
        (json!([{ "pathId": 7, "accessTier": "view" }]), "pathId"),
    ] {
        let message = ask(&program, &list).await.refusal(400);
        assert!(message.contains(named), "{list}: {message}");
    }
    let message = ask(&program, &Value::Null).await.refusal(400);
    assert!(message.contains("missing"), "{message}");
}

#[actix_web::test]
async fn lengths_count_at_their_edge_and_in_characters() {
    let server = harness::spawn().await;
    let (program, _) = alice(&server).await;
    let many = |count: usize| (0..count).map(|number| entry(&format!("p{number}"), "view")).collect::<Value>();
    for (list, status) in [
        (many(1), 200),
        (many(500), 200),
        (many(501), 400),
        (json!([{ "pathId": "p", "accessTier": "view", "propertyFence": ["a".repeat(50_000)] }]), 400),
        (json!([entry(&"p".repeat(200), "view")]), 200),
        (json!([entry(&"p".repeat(201), "view")]), 400),
        (json!([entry(&"語".repeat(200), "view")]), 200),
        (json!([entry(&"語".repeat(201), "view")]), 400),
    ] {
        let answer = ask(&program, &list).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
}

#[actix_web::test]
async fn of_several_entries_for_one_resource_the_highest_counts() {
    let server = harness::spawn().await;
    let (program, api) = alice(&server).await;
    let list =
        json!([entry("p", "view"), entry("q", "edit"), entry("p", "admin"), entry("p", "share"), entry("q", "view"),]);
    let made = ask(&program, &list).await.success();
    assert_eq!(made["accessList"], json!([entry("p", "admin"), entry("q", "edit")]));
    assert_eq!(seen(&api, &made["token"]).await, made["accessList"]);
}

#[actix_web::test]
async fn fences_are_kept_and_given_to_the_api_that_judges_them() {
    let server = harness::spawn().await;
    let (program, api) = alice(&server).await;
    let fenced = json!([{ "pathId": "p", "access": {
        "accessTier": "view",
        "geoFence": { "tiles": [{ "tileX": 3, "tileY": -1, "zoom": 2 }], "maxZoom": 9 },
        "propertyFence": ["name", "größe"],
    } }]);
    let made = ask(&program, &fenced).await.success();
    assert_eq!(made["accessList"], fenced);
    assert_eq!(seen(&api, &made["token"]).await, fenced);
    let flat = json!([{ "pathId": "p", "accessTier": "view", "geoFence": { "maxZoom": 9 }, "propertyFence": [] }]);
    let made = ask(&program, &flat).await.success();
    let access = json!({ "accessTier": "view", "geoFence": { "maxZoom": 9 }, "propertyFence": [] });
    assert_eq!(seen(&api, &made["token"]).await, json!([{ "pathId": "p", "access": access }]));
}

#[actix_web::test]
async fn a_consumer_holds_no_token_that_changes_anything() {
    let server = harness::spawn().await;
    server.person_with("alice", Role::Consumer).await;
    let program = server.log_in("alice").await;
    for (tier, status) in
        [("view", 200), ("viewPlus", 200), ("share", 403), ("edit", 403), ("editPlus", 403), ("admin", 403)]
    {
        let answer = ask(&program, &json!([entry("p", "view"), entry("q", tier)])).await;
        assert_eq!(answer.status, status, "{tier}: {}", answer.text());
        if status == 403 {
            answer.refusal(403);
        }
    }
}

/// Roles bound what tokens can do at every use, not only when they are made.
#[actix_web::test]
async fn who_becomes_a_consumer_has_tokens_that_only_read() {
    let server = harness::spawn().await;
    let (program, api) = alice(&server).await;
    let made = ask(&program, &json!([entry("p", "edit"), entry("q", "view")])).await.success();
    let alice = server.person_named("alice").await;
    server.set_role(&alice, "consumer").await;
    assert_eq!(seen(&api, &made["token"]).await, json!([entry("p", "viewPlus"), entry("q", "view")]));
    server.set_role(&alice, "author").await;
    assert_eq!(seen(&api, &made["token"]).await, made["accessList"]);
}

#[actix_web::test]
async fn nobody_gives_a_token_more_than_they_hold_on_a_registered_resource() {
    let server = harness::spawn().await;
    let (program, _) = alice(&server).await;
    let alice = server.person_named("alice").await;
    let bob = server.person("bob").await;
    server.resource("folder", None, &bob).await;
    server.resource("layer", Some("folder"), &bob).await;
    server.resource("own", Some("folder"), &alice).await;
    server.share("folder", &alice, Some(Tier::ViewPlus)).await;
    server.resource("private", None, &bob).await;
    for (path, tier, status) in [
        ("folder", "viewPlus", 200),
        ("folder", "share", 403),
        ("layer", "view", 200),
        ("layer", "viewPlus", 200),
        ("layer", "edit", 403),
        ("own", "admin", 200),
        ("private", "view", 403),
        ("not registered", "admin", 200),
    ] {
        let answer = ask(&program, &json!([entry(path, tier)])).await;
        assert_eq!(answer.status, status, "{path} {tier}: {}", answer.text());
        if status == 403 {
            let message = answer.refusal(403);
            assert!(message.contains("accessList[0]") && message.contains(tier), "{message}");
        }
    }
    server.share("layer", &alice, Some(Tier::Edit)).await;
    ask(&program, &json!([entry("layer", "edit")])).await.success();
    ask(&program, &json!([entry("folder", "edit")])).await.refusal(403);
    let mixed = json!([entry("layer", "view"), entry("private", "view")]);
    ask(&program, &mixed).await.refusal(403);
}

#[actix_web::test]
async fn an_operator_may_refuse_what_the_platform_did_not_tell_of() {
    let server = harness::spawn_with(&[("resources.unknown", "refuse")]).await;
    let (program, _) = alice(&server).await;
    let alice = server.person_named("alice").await;
    server.resource("map", None, &alice).await;
    ask(&program, &json!([entry("map", "admin")])).await.success();
    let message = ask(&program, &json!([entry("map", "view"), entry("elsewhere", "view")])).await.refusal(404);
    assert!(message.contains("accessList[1]"), "{message}");
}

#[actix_web::test]
async fn what_is_taken_back_from_a_person_is_taken_from_their_tokens_at_once() {
    let server = harness::spawn().await;
    let (program, api) = alice(&server).await;
    let alice = server.person_named("alice").await;
    let bob = server.person("bob").await;
    server.resource("folder", None, &bob).await;
    server.resource("layer", Some("folder"), &bob).await;
    server.share("folder", &alice, Some(Tier::EditPlus)).await;
    server.share("layer", &alice, Some(Tier::Admin)).await;
    let list = json!([entry("folder", "editPlus"), entry("layer", "admin"), entry("not registered", "edit")]);
    let token = ask(&program, &list).await.success()["token"].clone();
    assert_eq!(seen(&api, &token).await, list);
    server.share("layer", &alice, None).await;
    let (folder, opaque) = (entry("folder", "editPlus"), entry("not registered", "edit"));
    assert_eq!(seen(&api, &token).await, json!([folder, entry("layer", "editPlus"), opaque]), "by the folder's share");
    server.share("folder", &alice, Some(Tier::View)).await;
    assert_eq!(seen(&api, &token).await, json!([entry("folder", "view"), entry("layer", "view"), opaque]));
    server.share("folder", &alice, None).await;
    assert_eq!(seen(&api, &token).await, json!([opaque]));
    server.resource("not registered", None, &bob).await;
    assert_eq!(seen(&api, &token).await, json!([]), "it is registered now");
    assert_eq!(api.introspect(token.as_str().unwrap_or_default()).await["active"], json!(true));
    server.share("folder", &alice, Some(Tier::Admin)).await;
    assert_eq!(seen(&api, &token).await[0], folder, "never more than it was made with");
}
