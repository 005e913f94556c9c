//! Several servers and commands on one database: each has a number of its own, and those that start together
//! on nothing do not trip over each other.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use gatepost::background_jobs::NodeLease;
use gatepost::domain::node::{LEASE, MARGIN};

use crate::harness::database::TestDatabase;
use crate::harness::{self, execute};

#[actix_web::test]
async fn each_node_leases_a_number_of_its_own() {
    let first = harness::spawn().await;
    let second = first.second_node(&[]).await;
    assert_ne!(first.app.node.number(), second.app.node.number());
    let now = first.now();
    let more = join_all((0..20).map(|_| NodeLease::take(&first.app.store, now, None))).await;
    let mut numbers: Vec<i64> = more.iter().flatten().map(NodeLease::number).collect();
    numbers.extend([first.app.node.number(), second.app.node.number()]);
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 22, "{numbers:?}");
}

#[actix_web::test]
async fn the_setting_is_used_unless_another_node_has_that_number() {
    let first = harness::spawn_with(&[("node_id", "5")]).await;
    assert_eq!(first.app.node.number(), 5);
    let second = first.second_node(&[("node_id", "5")]).await;
    assert_ne!(second.app.node.number(), 5);
    let (store, now) = (first.app.store.clone(), first.now());
    second.app.node.give_back(&store, now).await.expect("because the store works");
    first.app.node.give_back(&store, now).await.expect("because the store works");
    let third = NodeLease::take(&store, now, Some(5)).await.expect("because a number is free");
    assert_eq!(third.number(), 5, "what was given back is free at once");
}

#[actix_web::test]
async fn a_node_that_crashed_keeps_its_number_until_its_lease_is_over() {
    let server = harness::spawn_with(&[("node_id", "5")]).await;
    let (store, now) = (server.app.store.clone(), server.now());
    let early = NodeLease::take(&store, now.plus(LEASE - 1), Some(5)).await.expect("because a number is free");
    assert_ne!(early.number(), 5);
    let late = NodeLease::take(&store, now.plus(LEASE), Some(5)).await.expect("because a number is free");
    assert_eq!(late.number(), 5);
}

#[actix_web::test]
async fn a_node_that_renews_in_time_keeps_its_number_and_one_that_slept_gets_another() {
    let server = harness::spawn_with(&[("node_id", "5")]).await;
    let (store, now) = (server.app.store.clone(), server.now());
    let node = server.app.node.clone();
    node.renew(&store, now.plus(LEASE - MARGIN)).await.expect("because the store works");
    let other = NodeLease::take(&store, now.plus(LEASE), Some(5)).await.expect("because a number is free");
    assert_ne!(other.number(), 5, "it was renewed");
    // It sleeps; somebody takes the number; it wakes up.
    let later = now.plus(3 * LEASE);
    let successor = NodeLease::take(&store, later, Some(5)).await.expect("because a number is free");
    assert_eq!(successor.number(), 5);
    node.renew(&store, later).await.expect("because the store works");
    assert!(node.number() != 5 && node.number() != other.number(), "{}", node.number());
    successor.renew(&store, later.plus(60)).await.expect("because the store works");
    assert_eq!(successor.number(), 5);
}

#[actix_web::test]
async fn a_node_that_slept_through_its_lease_goes_on_working() {
    let server = harness::spawn().await;
    server.person("alice").await;
    server.advance(u32::try_from(2 * LEASE).expect("because it is short"));
    for _ in 0..3 {
        server.log_in("alice").await;
    }
    server.write(|tx| execute(tx, "UPDATE nodes SET holder = 1")).await;
    server.app.node.renew(&server.app.store, server.now()).await.expect("because the store works");
    server.log_in("alice").await;
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn nodes_and_commands_that_start_together_on_nothing_all_succeed() {
    for round in 0..3 {
        let database = TestDatabase::make();
        let folder = tempfile::tempdir().expect("because the system has a temporary folder");
        let start = |arguments: &[&str], name: &str| {
            let output = std::fs::File::create(folder.path().join(name)).expect("because the folder is ours");
            let errors = output.try_clone().expect("because it is a file");
            let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
            command.args(arguments).current_dir(folder.path()).env_clear().envs([
                ("GATEPOST_DATABASE_URL", database.url()),
                ("GATEPOST_SECRET_FILE", database.secret_file()),
                ("GATEPOST_LISTEN", "127.0.0.1:0"),
                ("GATEPOST_OPS_LISTEN", ""),
                ("GATEPOST_WORKERS", "1"),
            ]);
            Running(
                command.stdout(Stdio::from(output)).stderr(Stdio::from(errors)).spawn().expect("because it is built"),
            )
        };
        let said = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        let mut nodes: Vec<Running> = (0..4).map(|number| start(&["serve"], &format!("node{number}"))).collect();
        let mut commands: Vec<Running> =
            (0..3).map(|number| start(&["migrate"], &format!("command{number}"))).collect();
        for (number, command) in commands.iter_mut().enumerate() {
            let status = command.0.wait().expect("because it was started");
            assert!(status.success(), "round {round}, command {number}: {}", said(&format!("command{number}")));
        }
        let begun = Instant::now();
        for (number, node) in nodes.iter_mut().enumerate() {
            let name = format!("node{number}");
            while !said(&name).contains("\nready ") {
                let ended = node.0.try_wait().expect("because it was started");
                assert!(ended.is_none(), "round {round}, node {number} ended: {}", said(&name));
                assert!(begun.elapsed() < Duration::from_secs(120), "round {round}, node {number}: {}", said(&name));
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let beside = std::path::Path::new(database.secret_file());
        let beside = beside.parent().expect("because it lies in a folder").read_dir().expect("because it is ours");
        let keys = beside.flatten().filter(|file| file.file_name().to_string_lossy().starts_with("base.key")).count();
        assert_eq!(keys, 1, "one base key, and nothing unfinished beside it");
    }
}
