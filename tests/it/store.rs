//! The store's promises, on both databases: work takes only itself down, what is refused is kept, what
//! failed is not, a full queue says so at once.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{join, join_all};
use gatepost::outcome::{Error, transact};
use gatepost::store::{Database, StoreError};

use crate::harness::pages::count_in;
use crate::harness::{self, Server, execute};

/// A door that is shut until somebody opens it; whoever waits too long goes on, so that no test hangs.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn wait(&self) {
        let (is_open, opened) = self.0.as_ref();
        let is_open = is_open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(opened.wait_timeout_while(is_open, Duration::from_secs(30), |is_open| !*is_open));
    }

    fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }
}

async fn with_table() -> Server {
    // What waits for a connection to PostgreSQL waits as long as a slow machine needs.
    let server = harness::spawn_with(&[("database.pool_wait", "300")]).await;
    server.write(|tx| execute(tx, "CREATE TABLE marks (number BIGINT NOT NULL)")).await;
    server
}

fn mark(tx: &mut Database, number: usize) -> Result<(), StoreError> {
    execute(tx, &format!("INSERT INTO marks (number) VALUES ({number})"))
}

#[actix_web::test]
async fn work_that_fails_or_panics_takes_only_itself_with_it() {
    let server = with_table().await;
    let gate = Gate::default();
    let held = gate.clone();
    // While this one is held the others gather, so that SQLite's writer takes them as one batch.
    let first = server.app.store.write(move |_| {
        held.wait();
        Ok(())
    });
    let others = join_all((0..100_usize).map(|number| {
        server.app.store.write(move |tx| {
            mark(tx, number)?;
            match number % 10 {
                3 => Err(StoreError::Conflict),
                5 => execute(tx, "INSERT INTO no_such_table VALUES (1)"),
                7 => panic!("this is what the test is about"),
                _ => Ok(()),
            }
        })
    }));
    let (first, (others, ())) = join(first, join(others, async { gate.open() })).await;
    assert!(first.is_ok());
    for (number, outcome) in others.iter().enumerate() {
        assert_eq!(outcome.is_ok(), ![3, 5, 7].contains(&(number % 10)), "{number}: {outcome:?}");
    }
    assert!(matches!(others[3], Err(StoreError::Conflict)), "each is told its own reason: {:?}", others[3]);
    assert_eq!(server.count("marks").await, 70);
    assert_eq!(server.count("marks WHERE number % 10 IN (3, 5, 7)").await, 0);
    server.write(|tx| mark(tx, 1_000)).await;
}

#[actix_web::test]
async fn a_refusal_commits_and_a_failure_rolls_back() {
    let server = with_table().await;
    let refused = transact(&server.app.store, |tx| {
        mark(tx, 1)?;
        Err::<(), _>(Error::Refused("no"))
    });
    assert!(matches!(refused.await, Err(Error::Refused("no"))));
    let failed = transact(&server.app.store, |tx| {
        mark(tx, 2)?;
        Err::<(), Error<&str>>(Error::Failed(StoreError::Unavailable("lost".to_owned())))
    });
    assert!(matches!(failed.await, Err(Error::Failed(_))));
    assert_eq!((server.count("marks WHERE number = 1").await, server.count("marks").await), (1, 1));
}

#[actix_web::test]
async fn two_hundred_changes_of_one_row_at_once_are_all_kept() {
    let server = with_table().await;
    server.write(|tx| mark(tx, 0)).await;
    let add = || server.app.store.write(|tx| execute(tx, "UPDATE marks SET number = number + 1"));
    let outcomes = join_all((0..200).map(|_| add())).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(server.count("marks WHERE number = 200").await, 1);
}

#[actix_web::test]
async fn a_full_queue_answers_at_once_and_what_was_taken_is_done() {
    let server = with_table().await;
    let gate = Gate::default();
    let work = join_all((0..5_000_usize).map(|number| {
        let gate = gate.clone();
        server.app.store.write(move |tx| {
            gate.wait();
            mark(tx, number)
        })
    }));
    // The gate opens after each was handed in once.
    let (outcomes, ()) = join(work, async { gate.open() }).await;
    let (done, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert!(!refused.is_empty() && refused.iter().all(|outcome| matches!(outcome, Err(StoreError::Overloaded))));
    assert!(done.len() >= 4_096, "{}", done.len());
    assert_eq!(usize::try_from(server.count("marks").await), Ok(done.len()));
}

/// `docs/decisions/0030-refusals-are-cheap.md`: the queue keeps a share for those who proved something.
#[actix_web::test]
async fn however_many_strangers_come_a_quarter_of_the_queue_is_left_for_others() {
    let server = with_table().await;
    let (gate, strangers) = (Gate::default(), server.app.store.for_unauthenticated());
    let waits = |number: usize| {
        let gate = gate.clone();
        move |tx: &mut Database| {
            gate.wait();
            mark(tx, number)
        }
    };
    let crowd = join_all((0..5_000_usize).map(|number| strangers.write(waits(number))));
    let known = join_all((5_000..5_700_usize).map(|number| server.app.store.write(waits(number))));
    let ((crowd, known), ()) = join(join(crowd, known), async { gate.open() }).await;
    assert!(
        known.iter().all(Result::is_ok),
        "{} others were turned away",
        known.iter().filter(|one| one.is_err()).count()
    );
    let turned_away = crowd.iter().filter(|one| matches!(one, Err(StoreError::Overloaded))).count();
    assert!(turned_away >= 1_000, "{turned_away}");
    assert!(crowd.iter().filter(|one| one.is_ok()).count() >= 3_072, "they fill three quarters");
}

#[actix_web::test]
async fn a_taken_name_is_a_conflict_and_nothing_else_is() {
    let server = with_table().await;
    server.write(|tx| execute(tx, "CREATE UNIQUE INDEX marks_number ON marks (number)")).await;
    server.write(|tx| mark(tx, 1)).await;
    let taken = server.app.store.write(|tx| mark(tx, 1)).await;
    assert!(matches!(taken, Err(StoreError::Conflict)), "{taken:?}");
    let broken = server.app.store.read(|db| count_in(db, "no_such_table")).await;
    assert!(matches!(broken, Err(StoreError::Unavailable(_))), "a broken question is never 'not found': {broken:?}");
    assert_eq!(server.count("marks").await, 1, "and the next question is answered");
}

/// What a person created with a key is remembered, also against another creation of the same key.
#[actix_web::test]
async fn a_creation_that_is_remembered_is_not_replaced_until_it_is_forgotten() {
    use gatepost::domain::id::Id;
    use gatepost::domain::idempotency::IdempotencyKey;
    use gatepost::domain::token_record::BearerToken;
    use gatepost::store::idempotency_keys;

    let server = harness::spawn().await;
    let (user, now) = (server.person("alice").await, server.now());
    let login = serde_json::json!({ "username": "alice", "password": harness::PASSWORD });
    let token = server.nobody().post("/v3/account/login", &login).await.success();
    let token =
        BearerToken::parse(token["token"].as_str().unwrap_or_default()).expect("because it is one of ours").id();
    let key = move |created_at: gatepost::clock::UnixTime| IdempotencyKey {
        id: Id::next(created_at),
        user_id: user.id,
        digest: "d".to_owned(),
        body_digest: "b".to_owned(),
        token_id: token,
        created_at,
        expires_at: created_at.plus(10),
        key_number: 1,
    };
    let (first, second, later) = (key(now), key(now.plus(9)), key(now.plus(10)));
    server.write(move |tx| idempotency_keys::insert(tx, &first)).await;
    let taken = server.app.store.write(move |tx| idempotency_keys::insert(tx, &second)).await;
    assert!(matches!(taken, Err(StoreError::Conflict)), "{taken:?}");
    server.write(move |tx| idempotency_keys::insert(tx, &later)).await;
    assert_eq!(server.count("idempotency_keys").await, 1);
}
