//! Every address that can change something, and what the security log tells of it: exactly what the route table says
//! (`src/web/routes/table.rs`), or nothing, with the reason.

use std::collections::BTreeSet;

use gatepost::domain::security_log::SecurityEntry;
use gatepost::store::security_log::{self, Asked};
use gatepost::web::routes::{self, Address, Logs};

use crate::harness::Server;
use crate::harness::mailbox::{Mailbox, spawn_with_mail};

/// The methods and addresses of which the route table says that they log something.
fn logging() -> BTreeSet<(String, String)> {
    let logs = |address: &Address| matches!(address.route.logs, Logs::Events(_));
    let name = |address: Address| (address.route.method.to_string(), address.path);
    routes::addresses().filter(logs).map(name).collect()
}

#[test]
fn every_address_that_can_change_something_has_a_line() {
    let changing: Vec<Address> = routes::addresses().filter(|address| !address.route.method.is_safe()).collect();
    assert!(changing.len() > 80, "{}", changing.len());
    let is_empty = |address: &&Address| matches!(address.route.logs, Logs::Events([]) | Logs::Nothing(""));
    let empty: Vec<_> = changing.iter().filter(is_empty).map(|address| &address.path).collect();
    assert!(empty.is_empty(), "neither an event nor a reason: {empty:?}");
}

/// A server whose log is watched.
pub struct Witness {
    pub server: Server,
    pub mailbox: Mailbox,
    seen: BTreeSet<(String, String)>,
    last: i64,
}

impl Witness {
    /// Watches a server with one person, who sends letters.
    pub async fn begin() -> Self {
        Self::watch(spawn_with_mail(&[]).await)
    }

    /// Watches this server.
    pub fn watch((server, mailbox): (Server, Mailbox)) -> Self {
        Self { server, mailbox, seen: BTreeSet::new(), last: 0 }
    }

    /// Takes over what another one saw.
    pub fn join(&mut self, mut other: Self) {
        self.seen.append(&mut other.seen);
    }

    /// Demands that every event of the table was seen.
    pub fn has_seen_all(&self) {
        let told = logging();
        let unseen: Vec<_> = told.difference(&self.seen).collect();
        assert!(unseen.is_empty(), "no journey shows what these tell: {unseen:?}");
    }

    /// The events since the last look, oldest first.
    pub async fn news(&mut self) -> Vec<&'static str> {
        let all: Vec<SecurityEntry> =
            self.server.read(|db| security_log::list(db, None, &Asked::default(), 1_000)).await;
        let last = std::mem::replace(&mut self.last, all.first().map_or(0, |entry| entry.id.number()));
        let new = all.iter().rev().filter(|entry| entry.id.number() > last);
        new.map(|entry| entry.event.as_str()).collect()
    }

    /// Demands that what was just done is told as the table says.
    pub async fn tells(&mut self, method: &'static str, path: &'static str) {
        let is_it = |address: &Address| address.route.method == method && address.path == path;
        let route = routes::addresses().find(is_it).expect("because it is in the table").route;
        let Logs::Events(events) = route.logs else { panic!("{method} {path} tells nothing") };
        let names: Vec<&str> = events.iter().map(|event| event.as_str()).collect();
        assert_eq!(self.news().await, names, "{method} {path}");
        self.seen.insert((method.to_owned(), path.to_owned()));
    }
}
