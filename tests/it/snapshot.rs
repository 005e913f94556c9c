//! What changes rarely is kept in memory, and is never wrong: what another process changes counts at once on SQLite
//! and within a second on PostgreSQL, what this process changes counts for the very next request
//! (`docs/decisions/0060-snapshot.md`).

use std::process::Command;
use std::time::{Duration, Instant};

use actix_web::http::Method;
use futures_util::future::join;
use gatepost::clock::Clock;
use gatepost::domain::api::TokenFormat;
use gatepost::domain::client::GrantType;
use gatepost::domain::registration::Draft;
use gatepost::domain::token_record::BearerToken;
use gatepost::store::{Database, StoreError, client_secrets, clients, tokens};

use crate::harness::application::Application;
use crate::harness::token_holders::TILES;
use crate::harness::{self, Server, confidential, execute};

/// What the issue promises where several nodes share a database.
const NOTICED_WITHIN: Duration = Duration::from_secs(1);

/// An application with a person's token, and the API that it is for.
struct Scene {
    server: Server,
    api: Application,
    app: Application,
    token: String,
}

impl Scene {
    async fn begin() -> Self {
        let server = harness::spawn().await;
        let api = server.api(TILES, &["tiles: See tiles"], false).await;
        let grant_types = vec![GrantType::AuthorizationCode, GrantType::ClientCredentials, GrantType::RefreshToken];
        let app = server.application(Draft { grant_types, scope: Some("tiles".to_owned()), ..confidential() }).await;
        let mut alice = server.signed_in("alice").await;
        let token = app.tokens(&mut alice).await.access_token;
        let scene = Self { server, api, app, token };
        scene.warm_up().await;
        scene
    }

    /// Everything is asked until it is known.
    async fn warm_up(&self) {
        self.server.know_what_changed().await;
        for _ in 0..2 {
            for question in Question::ALL {
                assert!(self.allows(question).await, "{question:?}");
            }
        }
    }

    async fn allows(&self, question: Question) -> bool {
        match question {
            Question::AppGetsToken => {
                self.app.post("/oauth/token", &[("grant_type", "client_credentials")]).await.status == 200
            }
            Question::AppMayAsk => self.app.post("/oauth/introspect", &[("token", "x")]).await.status == 200,
            Question::ApiMayAsk => self.api.post("/oauth/introspect", &[("token", "x")]).await.status == 200,
            Question::TokenIsForApi => {
                let answer = self.api.post("/oauth/introspect", &[("token", &self.token)]).await;
                answer.status == 200 && answer.json()["active"] == true
            }
            Question::ScopeIsKnown => {
                let answer = self.server.http.get("/.well-known/oauth-authorization-server").await;
                answer.json()["scopes_supported"].as_array().is_some_and(|scopes| scopes.contains(&"tiles".into()))
            }
        }
    }

    /// Another process changed something: from when on it must be noticed.
    async fn notices(&self, question: Question, changed: Instant) {
        loop {
            let asked_after = changed.elapsed();
            if !self.allows(question).await {
                return;
            }
            let may_be_unknown = self.server.app.store.is_shared() && asked_after < NOTICED_WITHIN;
            assert!(may_be_unknown, "{question:?} was still allowed {asked_after:?} after the change");
        }
    }

    /// Runs the real command on the server's database.
    fn command(&self, arguments: &[&str]) -> Instant {
        let output = Command::new(env!("CARGO_BIN_EXE_gatepost"))
            .args(arguments)
            .env("GATEPOST_DATABASE_URL", self.server.database_url())
            .env("GATEPOST_SECRET_FILE", &self.server.app.config.secret_file)
            .output()
            .expect("because cargo built it");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Instant::now()
    }
}

/// What is asked again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    AppGetsToken,
    AppMayAsk,
    ApiMayAsk,
    TokenIsForApi,
    ScopeIsKnown,
}
use Question::{ApiMayAsk, AppGetsToken, AppMayAsk, ScopeIsKnown, TokenIsForApi};

impl Question {
    const ALL: [Self; 5] = [AppGetsToken, AppMayAsk, ApiMayAsk, TokenIsForApi, ScopeIsKnown];
}

#[actix_web::test]
async fn what_a_command_takes_away_beside_a_running_server_is_refused() {
    let scene = Scene::begin().await;
    let client_id = scene.app.client_id().to_owned();
    let disabled = scene.command(&["client", "disable", &client_id]);
    for question in [AppGetsToken, AppMayAsk, TokenIsForApi] {
        scene.notices(question, disabled).await;
    }
    scene.command(&["client", "enable", &client_id]);
    scene.warm_up().await;
    let rolled = scene.command(&["api", "rotate-secret", TILES]);
    // A secret ends by the clock, and the command has the machine's.
    let ahead = Clock::System.now().since(scene.server.now()) + 1;
    scene.server.advance(u32::try_from(ahead).unwrap_or_default());
    scene.notices(ApiMayAsk, rolled).await;
    assert!(scene.allows(AppGetsToken).await, "nothing else ended");
    let deleted = scene.command(&["client", "delete", &client_id]);
    scene.notices(AppGetsToken, deleted).await;
    let deleted = scene.command(&["api", "delete", TILES]);
    scene.notices(ScopeIsKnown, deleted).await;
}

#[actix_web::test]
async fn what_another_node_takes_away_is_refused() {
    let scene = Scene::begin().await;
    let other = scene.server.second_node(&[]).await;
    let (app, now) = (scene.app.client.id, scene.server.now());
    let write = async |work: fn(&mut Database, i64, i64) -> Result<(), StoreError>| {
        let (id, now) = (app.number(), now.seconds());
        other.app.store.write(move |tx| work(tx, id, now)).await.expect("because the database of a test works");
        Instant::now()
    };
    let suspended = write(|tx, id, now| {
        clients::set_disabled(
            tx,
            gatepost::domain::id::Id::from_number(id),
            Some(gatepost::clock::UnixTime::from_seconds(now)),
        )
    });
    let suspended = suspended.await;
    scene.notices(AppMayAsk, suspended).await;
    write(|tx, id, _| clients::set_disabled(tx, gatepost::domain::id::Id::from_number(id), None)).await;
    scene.warm_up().await;
    // By hand: no function of the store knows of it.
    let scope_removed = write(|tx, _, _| execute(tx, "DELETE FROM api_scopes WHERE name = 'tiles'")).await;
    for question in [ScopeIsKnown, TokenIsForApi] {
        scene.notices(question, scope_removed).await;
    }
    let secret_ended = write(|tx, id, now| {
        client_secrets::end_all(
            tx,
            gatepost::domain::id::Id::from_number(id),
            gatepost::clock::UnixTime::from_seconds(now),
        )
    });
    scene.notices(AppMayAsk, secret_ended.await).await;
}

#[actix_web::test]
async fn an_application_for_which_the_operator_no_longer_answers_loses_what_its_name_opened() {
    let scene = Scene::begin().await;
    const OPEN: &str = "https://open.example";
    let open = scene.server.api(OPEN, &[], false).await;
    let mut bob = scene.server.signed_in("bob").await;
    let granted = scene.app.request().with("resource", OPEN).approve(&mut bob).await;
    let token = scene.app.exchange(&granted).await.expect("because it was allowed").access_token;
    let scene = Scene { api: open, token, ..scene };
    assert!(scene.allows(TokenIsForApi).await && scene.allows(TokenIsForApi).await);
    let given_up = scene.command(&["client", "update", scene.app.client_id(), "--verified=false"]);
    scene.notices(TokenIsForApi, given_up).await;
}

#[actix_web::test]
async fn a_key_that_a_command_withdraws_is_neither_published_nor_believed() {
    let scene = Scene::begin().await;
    let signed = scene.server.api_with("https://signed.example", &["signed: Sign"], (false, TokenFormat::Jwt)).await;
    let app = scene.server.application(Draft {
        grant_types: vec![GrantType::ClientCredentials],
        scope: Some("signed".to_owned()),
        ..confidential()
    });
    let app = app.await;
    let ask = async || app.post("/oauth/token", &[("grant_type", "client_credentials")]).await.member("access_token");
    let token = ask().await;
    let kids = async || scene.server.http.get("/oauth/jwks").await.json();
    let before = kids().await;
    assert!(signed.is_active(&token).await && kids().await == before);
    let withdrawn = scene.command(&["keys", "rotate", "--compromised"]);
    loop {
        let asked_after = withdrawn.elapsed();
        let (is_believed, is_published) = (signed.is_active(&token).await, kids().await == before);
        let signs_with_it = signed.is_active(&ask().await).await;
        if !is_believed && !is_published {
            assert!(signed.is_active(&ask().await).await, "the next key signs");
            break;
        }
        let may_be_unknown = scene.server.app.store.is_shared() && asked_after < NOTICED_WITHIN;
        assert!(may_be_unknown, "{asked_after:?}: believed {is_believed}, published {is_published}, {signs_with_it}");
    }
}

#[actix_web::test]
async fn what_this_process_changes_counts_for_the_very_next_request() {
    let scene = Scene::begin().await;
    let (id, at) = (scene.app.client.id, scene.server.now());
    for round in 0..20 {
        let write = scene.server.app.store.write(move |tx| clients::set_disabled(tx, id, Some(at)));
        // Requests at the same moment fill what is known.
        let (written, _) = join(write, scene.allows(AppMayAsk)).await;
        written.expect("because the database of a test works");
        assert!(!scene.allows(AppMayAsk).await && !scene.allows(TokenIsForApi).await, "round {round}");
        let write = scene.server.app.store.write(move |tx| clients::set_disabled(tx, id, None));
        let (written, _) = join(write, scene.allows(TokenIsForApi)).await;
        written.expect("because the database of a test works");
        assert!(scene.allows(AppMayAsk).await && scene.allows(TokenIsForApi).await, "round {round}");
    }
}

#[actix_web::test]
async fn a_change_that_is_taken_back_is_seen_by_its_own_transaction_and_leaves_no_trace() {
    let scene = Scene::begin().await;
    let (id, at, store) = (scene.app.client.id, scene.server.now(), &scene.server.app.store);
    let before = store.edition().await.expect("because the database of a test works");
    let token = BearerToken::parse(&scene.token).expect("because it is one of ours").id();
    for failure in [StoreError::Overloaded, StoreError::Conflict] {
        let failure = std::sync::Arc::new(failure);
        let taken_back = store.write(move |tx| {
            let is_active = |tx: &mut Database| {
                Ok::<_, StoreError>(clients::find(tx, id)?.is_some_and(|client| client.is_active()))
            };
            assert!(is_active(tx)?);
            clients::set_disabled(tx, id, Some(at))?;
            let is_ended = tokens::find_in_use(tx, token)?.is_some_and(|token| token.basis.end_in_words().is_some());
            match (is_active(tx)?, is_ended) {
                (false, true) => Err::<(), _>(match *failure {
                    StoreError::Conflict => StoreError::Conflict,
                    _ => StoreError::Overloaded,
                }),
                seen => panic!("its own change was not seen: {seen:?}"),
            }
        });
        assert!(matches!(taken_back.await, Err(StoreError::Overloaded | StoreError::Conflict)));
        for question in Question::ALL {
            assert!(scene.allows(question).await, "{question:?}");
        }
        let name = scene.app.client_id().to_owned();
        let found = scene.server.read(move |db| clients::find_by_client_id(db, &name)).await;
        assert!(found.is_some_and(|client| client.is_active()));
    }
    scene.server.know_what_changed().await;
    assert_eq!(store.edition().await.expect("because the database of a test works"), before);
}

/// On SQLite the next piece of work may share the transaction: it sees what is not committed yet.
#[actix_web::test]
async fn work_that_follows_in_the_same_batch_sees_the_change() {
    let scene = Scene::begin().await;
    let (id, at, store) = (scene.app.client.id, scene.server.now(), &scene.server.app.store);
    if store.is_shared() {
        return; // there each piece of work has a transaction of its own
    }
    let slow = store.write(|_| {
        std::thread::sleep(Duration::from_millis(50));
        Ok(())
    });
    let change = store.write(move |tx| clients::set_disabled(tx, id, Some(at)));
    let look = store.write(move |tx| Ok(clients::find(tx, id)?.is_some_and(|client| client.is_active())));
    let back = store.write(move |tx| {
        clients::set_disabled(tx, id, None)?;
        Err::<(), _>(StoreError::Conflict)
    });
    let again = store.write(move |tx| Ok(clients::find(tx, id)?.is_some_and(|client| client.is_active())));
    let (_, (changed, (seen, (taken_back, seen_again)))) =
        join(slow, join(change, join(look, join(back, again)))).await;
    assert!(changed.is_ok() && taken_back.is_err());
    assert_eq!((seen.ok(), seen_again.ok()), (Some(false), Some(false)));
    assert!(!scene.allows(AppMayAsk).await);
}

#[actix_web::test]
async fn metadata_names_each_new_scope_at_once() {
    let scene = Scene::begin().await;
    for round in 0..5 {
        let identifier = format!("https://api{round}.example");
        let scope = format!("scope{round}: See");
        scene.server.api(&identifier, &[&scope], false).await;
        let answer =
            scene.server.http.send(Method::GET, "/.well-known/oauth-authorization-server", &[], String::new()).await;
        assert!(answer.text().contains(&format!("\"scope{round}\"")), "{}", answer.text());
    }
}
