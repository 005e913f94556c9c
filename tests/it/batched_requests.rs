//! Requests that go together: on PostgreSQL what several ask or add at the same moment is one statement. Whatever
//! happens to one of them, each gets its own answer, and what was answered is kept once. SQLite keeps the same
//! promises by its one writer.

use futures_util::future::join_all;
use gatepost::clock::UnixTime;
use gatepost::domain::client::{Client, GrantType};
use gatepost::domain::grant::{Grant, GrantKind};
use gatepost::domain::id::Id;
use gatepost::domain::registration::Draft;
use gatepost::store::batch_sizes::BatchCounts;
use gatepost::store::{Database, StoreError, clients, grants};
use gatepost::tokens::issue;

use crate::harness::application::Application;
use crate::harness::token_holders::TILES;
use crate::harness::{self, Server, confidential, execute};
use crate::lost_connections::{processes, terminate};

const READ: &str = "tiles:read: See map tiles";
const ITSELF: [(&str, &str); 1] = [("grant_type", "client_credentials")];

async fn program(server: &Server) -> Application {
    server.api(TILES, &[READ], false).await;
    let grant_types = vec![GrantType::ClientCredentials];
    let scope = Some("tiles:read".to_owned());
    server.application(Draft { grant_types, redirect_uris: Vec::new(), scope, ..confidential() }).await
}

async fn token(app: &Application) -> String {
    app.post("/oauth/token", &ITSELF).await.member("access_token")
}

/// The application's row.
async fn key(server: &Server, app: &Application) -> Id<Client> {
    let client_id = app.client_id().to_owned();
    let found = server.read(move |db| clients::find_by_client_id(db, &client_id)).await;
    found.expect("because it was registered").id
}

/// Adds a grant of nobody for an application, with a token.
fn add(tx: &mut Database, now: UnixTime, client: Id<Client>) -> Result<Id<Grant>, StoreError> {
    let grant = Grant { client_key: Some(client), ..Grant::new(now, GrantKind::ClientCredentials, Some(now.plus(60))) };
    grants::insert(tx, &grant)?;
    issue::user_token(tx, now, &grant, 60)?;
    Ok(grant.id)
}

const OF_PROGRAMS: &str = "grants WHERE kind = 'client_credentials'";

#[actix_web::test]
async fn many_who_ask_at_once_each_get_a_token_of_their_own_that_works_and_is_kept_once() {
    let server = harness::spawn().await;
    let app = program(&server).await;
    let before = server.app.store.batch_counts();
    let mut tokens = join_all((0..60).map(|_| token(&app))).await;
    let found = join_all(tokens.iter().map(|token| app.is_active(token))).await;
    assert!(found.iter().all(|is_active| *is_active), "{found:?}");
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!((tokens.len(), server.count(OF_PROGRAMS).await), (60, 60));
    let after = server.app.store.batch_counts();
    let batches = |counts: &BatchCounts| counts.classes.iter().sum::<u64>();
    assert!(after.writes >= before.writes + 60, "{after:?}");
    assert!(batches(&after) - batches(&before) <= after.writes - before.writes, "{after:?}");
    assert!(!app.is_active(&format!("{}x", tokens[0])).await);
    app.revoke(&tokens[1]).await;
    assert!(!app.is_active(&tokens[1]).await, "what is read together is as new as what is read alone");
}

#[actix_web::test]
async fn one_that_cannot_be_kept_takes_only_itself() {
    let server = harness::spawn().await;
    let app = program(&server).await;
    let client = key(&server, &app).await;
    let now = server.now();
    let outcomes = join_all((0..40_i64).map(|number| {
        // No application has this key.
        let client = if number % 8 == 3 { Id::from_number(1) } else { client };
        server.app.store.write_batched(move |tx| {
            let grant = add(tx, now, client)?;
            match number % 8 {
                5 => Err(StoreError::Conflict),
                6 => panic!("this is what the test is about"),
                _ => Ok(grant),
            }
        })
    }));
    let outcomes = outcomes.await;
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_ok(), ![3, 5, 6].contains(&(number % 8)), "{number}: {outcome:?}");
    }
    assert_eq!(server.count(OF_PROGRAMS).await, 25);
}

#[actix_web::test]
async fn work_that_asks_for_more_than_what_goes_together_is_run_by_itself_with_all_that_it_does() {
    let server = harness::spawn().await;
    let app = program(&server).await;
    server.write(|tx| execute(tx, "CREATE TABLE marks (number BIGINT NOT NULL)")).await;
    let (now, client) = (server.now(), key(&server, &app).await);
    let written = server.app.store.write_batched(move |tx| {
        add(tx, now, client)?;
        execute(tx, "INSERT INTO marks (number) VALUES (1)")
    });
    written.await.expect("because the database works");
    let failed = server.app.store.write_batched(move |tx| {
        add(tx, now, client)?;
        execute(tx, "INSERT INTO marks (number) VALUES (2)")?;
        Err::<(), _>(StoreError::Conflict)
    });
    assert!(matches!(failed.await, Err(StoreError::Conflict)));
    assert_eq!((server.count(OF_PROGRAMS).await, server.count("marks").await), (1, 1));
}

#[actix_web::test]
async fn when_every_connection_was_closed_those_who_go_together_are_answered_and_kept_once() {
    let server = harness::spawn().await;
    if server.sqlite_file().is_some() {
        return;
    }
    let app = program(&server).await;
    let first = token(&app).await;
    for round in 1..=3 {
        terminate(&server, &processes(&server).await);
        let tokens = join_all((0..10).map(|_| token(&app))).await;
        assert_eq!(tokens.len(), 10);
        assert!(app.is_active(&first).await);
        assert_eq!(server.count(OF_PROGRAMS).await, 1 + 10 * round);
    }
}
