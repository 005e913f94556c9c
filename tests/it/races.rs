//! What is looked at and then written, by many at the same moment, on both databases: no limit is passed, no
//! rule is broken by being quick.

use actix_web::http::Method;
use futures_util::future::{join, join_all};
use gatepost::domain::client::ClientType;
use gatepost::domain::registration::Draft;
use gatepost::domain::token::SetupLink;
use gatepost::identity::set_up;
use gatepost::identity::throttle::LinkTo;
use gatepost::oauth::clients::{self, By};
use gatepost::outcome::{Error, transact};
use gatepost::store::named_locks::{self, NamedLock};
use gatepost::tokens::resources::{self, Place};
use serde_json::json;

use crate::harness::devices::on_a_device;
use crate::harness::http::encode;
use crate::harness::pages::count_in;
use crate::harness::{self, Server, confidential, execute, public, random_word};

#[actix_web::test]
async fn those_who_take_turns_see_what_the_one_before_them_wrote() {
    let server = harness::spawn().await;
    server.write(|tx| execute(tx, "CREATE TABLE marks (number BIGINT NOT NULL)")).await;
    let network = random_word(12);
    let made = join_all((0..60).map(|number: i64| {
        let network = network.clone();
        server.app.store.write(move |tx| {
            named_locks::acquire(tx, &[NamedLock::Waiting(&network), NamedLock::Host(&network)])?;
            let has_room = count_in(tx, "marks")? < 10;
            if has_room {
                execute(tx, &format!("INSERT INTO marks (number) VALUES ({number})"))?;
            }
            Ok(has_room)
        })
    }))
    .await;
    assert_eq!(made.into_iter().filter(|made| matches!(made, Ok(true))).count(), 10);
    assert_eq!(server.count("marks").await, 10);
}

#[actix_web::test]
async fn a_host_gets_one_owner_however_many_register_it_at_once() {
    let server = harness::spawn().await;
    for round in 0..5 {
        let host = format!("app-{round}.example");
        let mut owners = Vec::new();
        for number in 0..6 {
            owners.push(server.person(&format!("owner-{round}-{number}")).await.id);
        }
        let (now, rules) = (server.now(), server.app.config.registration_rules());
        let made = join_all(owners.into_iter().map(|owner| {
            // All of the host, so that their paths overlap.
            let login_return_urls = vec![format!("https://{host}/in")];
            let draft = Draft { login_return_urls, ..Draft::new("Atlas", ClientType::Public) };
            let rules = rules.clone();
            transact(&server.app.store, move |tx| {
                clients::register(tx, now, &rules, (By::Owner(owner), draft.clone()), None)
            })
        }))
        .await;
        let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1, "{host} has one owner");
        assert!(refused.iter().all(|outcome| matches!(outcome, Err(Error::Refused(_)))), "round {round}");
    }
}

#[actix_web::test]
async fn a_person_owns_no_more_applications_than_they_may() {
    let server = harness::spawn().await;
    let alice = server.signed_in("alice").await;
    let own = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    join_all((0..65).map(|number| {
        let mut alice = alice.copy();
        async move {
            let name = format!("Atlas {number}");
            let body = encode(&[
                ("client_name", &name),
                ("client_type", "public"),
                ("redirect_uris", "https://atlas.example/callback"),
                ("once", &random_word(20)),
            ]);
            alice.bare(Method::POST, "/developer/apps/new", &own, &body).await
        }
    }))
    .await;
    assert_eq!(server.count("clients WHERE deleted_at IS NULL AND name LIKE 'Atlas%'").await, 50);
}

#[actix_web::test]
async fn an_application_has_two_living_secrets_at_most() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let now = server.now();
    join_all((0..12).map(|_| {
        let client = app.client.clone();
        server.app.store.write(move |tx| clients::roll_secret(tx, now, (&client, 3_600), None).map(drop))
    }))
    .await;
    let (key, at) = (app.client.id.number(), now.seconds());
    let living = format!("client_secrets WHERE client_key = {key} AND (expires_at IS NULL OR expires_at > {at})");
    assert_eq!(server.count(&living).await, 2);
}

#[actix_web::test]
async fn no_more_wait_for_somebody_than_may_wait() {
    let server = harness::spawn().await;
    let (device, app) = (server.application(on_a_device()).await, server.application(public()).await);
    let devices = join_all((0..120).map(|_| device.ask_for_codes(&[])));
    let form = [
        ("response_type", "code"),
        ("redirect_uri", "https://spa.example/callback"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    let pushed = join_all((0..120).map(|_| app.post("/oauth/par", &form)));
    let remote = join_all(
        (0..40).map(|_| async { server.nobody().post("/v3/account/security/remoteSession", &json!({})).await }),
    );
    let (devices, (pushed, remote)) = join(devices, join(pushed, remote)).await;
    let count = |answers: &[crate::harness::http::Answer], status: u16| {
        answers.iter().filter(|answer| answer.status == status).count()
    };
    let waiting = (server.count("device_codes").await, server.count("pushed_requests").await);
    assert!(waiting.0 <= 100 && waiting.1 <= 100, "{waiting:?}");
    assert_eq!(server.count("remote_sessions").await, 20);
    assert_eq!((count(&devices, 200) as i64, count(&pushed, 201) as i64), waiting, "what was answered is there");
    assert!(count(&devices, 503) + count(&pushed, 503) + count(&remote, 503) == 0, "those too many are told why");
}

/// `docs/decisions/0004-throttle.md`: ten failures close an account to a network, however many nodes judge at once.
#[actix_web::test]
async fn ten_wrong_passwords_are_judged_however_many_come_at_once_to_however_many_nodes() {
    let first = harness::spawn().await;
    first.person("alice").await;
    // Several processes on one SQLite file are not several nodes: there is one memory.
    let nodes = if first.sqlite_file().is_some() { 0 } else { 2 };
    let mut others = Vec::new();
    for _ in 0..nodes {
        others.push(first.second_node(&[]).await);
    }
    let all: Vec<&Server> = std::iter::once(&first).chain(&others).collect();
    let tries = (0..42).map(|number| {
        let body = json!({ "username": "alice", "password": format!("wrong {number}") }).to_string();
        let headers = [("content-type", "application/json")];
        let server = all[number % all.len()];
        async move { server.http.send(Method::POST, "/v3/account/login", &headers, body).await.status }
    });
    let answers = join_all(tries).await;
    let judged = answers.iter().filter(|status| **status == 400).count();
    let throttled = answers.iter().filter(|status| **status == 429).count();
    assert_eq!((judged, throttled), (10, 32), "{answers:?}");
}

/// What is only counted, and not judged, has one limit over all nodes too.
#[actix_web::test]
async fn mails_and_new_accounts_of_a_network_are_limited_however_many_come_at_once_to_however_many_nodes() {
    let first = harness::spawn().await;
    let nodes = if first.sqlite_file().is_some() { 0 } else { 2 };
    let mut all = Vec::new();
    for _ in 0..nodes {
        all.push(first.second_node(&[]).await);
    }
    all.push(first);
    let (now, address) = (all[0].now(), "192.0.2.1");
    let mails = join_all((0..60).map(|number| {
        let app = &all[number % all.len()].app;
        async move { app.throttle.attempt_email(&app.store, now, address).await.is_ok() }
    }));
    let accounts = join_all((0..60).map(|number| {
        let app = &all[number % all.len()].app;
        async move { app.throttle.attempt_sign_up(&app.store, now, address).await.is_ok() }
    }));
    let links = join_all((0..60).map(|number| {
        let app = &all[number % all.len()].app;
        let to = LinkTo::Prove("alice@people.example");
        async move { app.throttle.attempt_link(&app.store, now, to, address).await.is_ok_and(|is_sent| is_sent) }
    }));
    let counted = [mails.await, accounts.await, links.await].map(|made| made.into_iter().filter(|made| *made).count());
    assert_eq!(counted, [20, 30, 10]);
}

/// A right password leaves nothing behind that closes the account to its own person.
#[actix_web::test]
async fn right_passwords_do_not_use_up_the_limit() {
    let server = harness::spawn().await;
    server.person("alice").await;
    for number in 0..40 {
        let body = json!({ "username": "alice", "password": harness::PASSWORD }).to_string();
        let headers = [("content-type", "application/json")];
        let answer = server.http.send(Method::POST, "/v3/account/login", &headers, body).await;
        assert_eq!(answer.status, 200, "log-in {number}: {}", answer.text());
    }
}

#[actix_web::test]
async fn a_person_invites_no_more_people_than_a_day_allows() {
    let server = harness::spawn().await;
    server.person_with("root", gatepost::domain::user::Role::Admin).await;
    let root = server.log_in("root").await;
    let bodies: Vec<_> = (0..115).map(|number| json!({ "email": format!("c{number}@people.example") })).collect();
    join_all(bodies.iter().map(|body| root.post("/v3/user/invite", body))).await;
    assert_eq!(server.count("mailed_links").await, 100);
}

#[actix_web::test]
async fn two_resources_that_move_into_each_other_make_no_circle() {
    let server = harness::spawn().await;
    let (owner, now) = (server.person("alice").await.id, server.now());
    let place = move |path: &str, parent: Option<&str>| Place {
        path: path.to_owned(),
        parent: parent.map(str::to_owned),
        owner,
    };
    for round in 0..8 {
        let (one, other) = (format!("one{round}"), format!("other{round}"));
        for path in [&one, &other] {
            let made = place(path, None);
            let made = transact(&server.app.store, move |tx| resources::put(tx, now, &made)).await;
            assert!(made.is_ok());
        }
        let (first, second) = (place(&one, Some(&other)), place(&other, Some(&one)));
        let moved = join(
            transact(&server.app.store, move |tx| resources::put(tx, now, &first)),
            transact(&server.app.store, move |tx| resources::put(tx, now, &second)),
        )
        .await;
        assert_eq!([moved.0.is_ok(), moved.1.is_ok()].iter().filter(|is_ok| **is_ok).count(), 1, "round {round}");
    }
}

#[actix_web::test]
async fn nodes_that_start_together_leave_one_link_that_makes_the_first_administrator() {
    let server = harness::spawn().await;
    let now = server.now();
    let links = join_all((0..8).map(|_| set_up::make_link(&server.app.store, now))).await;
    let links: Vec<_> = links.into_iter().map(|link| link.expect("because the store works")).collect();
    assert!(links.iter().all(|link: &Option<gatepost::domain::token::Token<SetupLink>>| link.is_some()));
    assert_eq!(server.count("setup_links").await, 1);
}
