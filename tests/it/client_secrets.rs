//! Two secrets of one application at once: its owner sees when each was made and last used, and ends the
//! old one when nobody uses it any more.

use gatepost::domain::client_secret::ClientSecretRecord;
use gatepost::oauth::clients::{By, roll_secret};
use gatepost::store::client_secrets;

use crate::harness::application::{Application, basic};
use crate::harness::{self, Server, confidential};

async fn listed(server: &Server, app: &Application) -> Vec<ClientSecretRecord> {
    let (now, key) = (server.now(), app.client.id);
    server.read(move |db| client_secrets::list(db, now, key)).await
}

async fn rolled(server: &Server, app: &Application, keep_old_for: i64) -> String {
    let (now, client) = (server.now(), app.client.clone());
    server.write(move |tx| roll_secret(tx, now, (&client, keep_old_for), None)).await.expose().to_owned()
}

/// The status of a request that authenticates with this secret.
async fn used(server: &Server, app: &Application, secret: &str) -> u16 {
    let credentials = basic(app.client_id(), secret);
    server.http.post("/oauth/introspect", &[("authorization", &credentials)], &[("token", "x")]).await.status
}

#[actix_web::test]
async fn both_work_and_each_says_when_it_was_used() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let person = server.person_named("alice").await;
    let app = server.register(By::Owner(person.id), confidential()).await;
    server.advance(3_600);
    let second = rolled(&server, &app, 86_400).await;
    let path = format!("/developer/apps/{}", app.client_id());
    let page = alice.open(&path).await;
    for shown in [&app.secret()[app.secret().len() - 4..], &second[second.len() - 4..], "Last used never"] {
        assert!(page.text().contains(shown), "{shown}: {}", page.text());
    }
    assert_eq!(used(&server, &app, app.secret()).await, 200);
    server.flush_uses().await;
    server.advance(7_200);
    assert_eq!(used(&server, &app, &second).await, 200);
    server.flush_uses().await;
    server.advance(300);
    let page = alice.open(&path).await;
    for shown in ["Last used 2 hours ago", "Last used 5 minutes ago", "Ends never"] {
        assert!(page.text().contains(shown), "{shown}: {}", page.text());
    }
    assert!(!page.html.contains(&second) && !page.html.contains(app.secret()));
}

#[actix_web::test]
async fn a_use_is_written_once_a_minute_and_a_wrong_secret_is_no_use() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let last_used = async || {
        server.flush_uses().await;
        listed(&server, &app).await[0].last_used_at.map(|at| at.since(harness::BEGIN))
    };
    let mut wrong = app.secret().to_owned();
    wrong.replace_range(20..21, if &wrong[20..21] == "a" { "b" } else { "a" });
    assert_eq!((used(&server, &app, &wrong).await, last_used().await), (401, None));
    for (seconds, written) in [(5, 5), (59, 5), (1, 65)] {
        server.advance(seconds);
        assert_eq!(used(&server, &app, app.secret()).await, 200);
        assert_eq!(last_used().await, Some(written));
    }
}

#[actix_web::test]
async fn never_more_than_two_open_and_the_old_one_ends_when_its_owner_said() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut all = vec![app.secret().to_owned()];
    for _ in 0..4 {
        server.advance(1);
        all.push(rolled(&server, &app, 1_000_000).await);
        assert_eq!(listed(&server, &app).await.len(), 2);
    }
    let mut open = Vec::new();
    for secret in &all {
        open.push(used(&server, &app, secret).await == 200);
    }
    assert_eq!(open, [false, false, false, true, true]);
    let last = rolled(&server, &app, -1).await;
    assert_eq!((used(&server, &app, &all[4]).await, used(&server, &app, &last).await), (401, 200), "at once");
    assert_eq!(listed(&server, &app).await.len(), 1);
}
