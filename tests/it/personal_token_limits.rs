//! How many tokens a person may hold, how long lists go on, and that all of them end at once.

use actix_web::http::Method;
use gatepost::domain::access_list::AccessList;
use gatepost::domain::id::Id;
use gatepost::domain::token_record::{BearerToken, TokenRecord};
use gatepost::domain::user::User;
use gatepost::outcome::{Error, transact};
use gatepost::store::tokens;
use gatepost::tokens::new_personal_token::{self, Draft, PersonalRefusal};
use serde_json::{Value, json};

use crate::harness::token_holders::{ACCESS_TOKENS, STUDIO_SESSION, mint_path};
use crate::harness::{self, Server, somewhere};

const STREAMING: (&str, &str) = ("read_only", "dataset_streaming");
const LIVING: &str = "tokens JOIN grants ON grants.id = grant_id WHERE grants.revoked_at IS NULL \
                      AND tokens.kind IN ('personal', 'studio', 'fileset')";

async fn make_personal(server: &Server, user: &User, count: usize) {
    let (now, limits, user) = (server.now(), server.app.config.token_limits, user.clone());
    let list = AccessList::parse(&json!([{ "pathId": "map", "accessTier": "view" }])).expect("because it is right");
    // A hundred at a time: no transaction takes as long as a slow machine may need for all of them.
    for first in (0..count).step_by(100) {
        let (user, list) = (user.clone(), list.clone());
        let made = transact(&server.app.store, move |tx| {
            for number in first..count.min(first + 100) {
                let draft =
                    Draft { description: format!("t-{number}"), access_list: Some(list.clone()), ..Draft::default() };
                new_personal_token::create(tx, now, &limits, ((&user, &somewhere()), &draft, None))?;
            }
            Ok::<_, Error<PersonalRefusal>>(())
        });
        made.await.expect("because there is room for so many");
    }
}

#[actix_web::test]
async fn a_thousand_personal_tokens_and_no_more_and_all_end_at_once() {
    let server = harness::spawn().await;
    let mut browser = server.signed_in("alice").await;
    let alice = server.person_named("alice").await;
    make_personal(&server, &alice, 999).await;
    let program = server.log_in("alice").await;
    let last = program.make_token(json!([{ "pathId": "map", "accessTier": "view" }])).await;
    let body = json!({ "description": "d", "accessList": [{ "pathId": "map", "accessTier": "view" }] });
    let message = program.post(ACCESS_TOKENS, &body).await.refusal(403);
    assert!(message.contains("Revoke those"), "{message}");
    let generator = browser.generator().await;
    let studio = server.studio_token(&generator, STREAMING).await;
    let page = browser.open("/account/tokens").await;
    assert!(page.text().contains("Revoke all 1001 tokens"), "{}", page.text());
    let older = page.attributes("p.below a", "href");
    assert_eq!(older.len(), 1, "{older:?}");
    let next = browser.open(&older[0]).await;
    assert!(next.text().contains("t-900") && !next.text().contains("t-901"), "the pages follow each other");
    program.delete(&format!("{ACCESS_TOKENS}/{}", last["id"].as_str().unwrap_or_default())).await.success();
    program.post(ACCESS_TOKENS, &body).await.success();
    assert_eq!(server.count(LIVING).await, 1_001);
    let page = browser.open("/account/tokens").await;
    browser.submit(page.form_with("Revoke all 1001 tokens")).await;
    assert_eq!(server.count(LIVING).await, 0);
    assert_eq!(server.program(&studio).get("/v3/validate").await.success()["valid"], json!(false));
    assert_eq!(server.program(&generator).get("/v3/validate").await.success()["valid"], json!(true));
}

#[actix_web::test]
async fn ten_thousand_studio_tokens_and_no_more() {
    let server = harness::spawn().await;
    let mut browser = server.signed_in("alice").await;
    let generator = browser.generator().await;
    let first = server.studio_token(&generator, STREAMING).await;
    let first = BearerToken::parse(&first).expect("because it is one of ours").id();
    let now = server.now();
    let found = server.read(move |tx| tokens::find_in_use(tx, first)).await.expect("because it was just made").record;
    for first in (1..9_999).step_by(500) {
        let found = found.clone();
        let copies = move |tx: &mut _| {
            (first..9_999.min(first + 500))
                .try_for_each(|_| tokens::insert(tx, &TokenRecord { id: Id::next(now), ..found.clone() }))
        };
        server.write(copies).await;
    }
    let path = mint_path("embed", "1", STREAMING);
    server.program(&generator).post(&path, &Value::Null).await.success();
    server.program(&generator).post(&path, &Value::Null).await.refusal(403);
    let fileset = json!({ "name": "n", "fileset": "f", "validTime": 1 });
    browser.script(Method::POST, &format!("{STUDIO_SESSION}/filesettoken"), &fileset).await.refusal(403);
    let list = browser.script(Method::GET, &format!("{STUDIO_SESSION}/token"), &Value::Null).await;
    let link = list.header("link").expect("because there are more").to_owned();
    let newest = list.success();
    let next = link.trim_start_matches('<').split('>').next().unwrap_or_default();
    let next = browser.script(Method::GET, next, &Value::Null).await.success();
    assert_eq!((newest.as_array().map(Vec::len), next.as_array().map(Vec::len)), (Some(1_000), Some(1_000)));
    assert_ne!(newest[0]["id"], next[0]["id"]);
    let wrong = format!("{STUDIO_SESSION}/token?pageStart=x");
    browser.script(Method::GET, &wrong, &Value::Null).await.refusal(400);
    server.advance(60);
    server.program(&generator).post(&path, &Value::Null).await.success();
}
