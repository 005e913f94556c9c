//! Every row that a caller can make who proved nothing: how many one network can have of it, and for how
//! long. A table of the database without a line here fails.

use std::collections::BTreeMap;

use actix_web::http::Method;
use gatepost::background_jobs;
use gatepost::domain::registration::Draft;
use serde_json::{Value, json};

use crate::harness::application::Application;
use crate::harness::client_keys::Key;
use crate::harness::devices::on_a_device;
use crate::harness::mailbox::{Mailbox, spawn_with_mail};
use crate::harness::{Server, confidential, public, random_word};

/// Where the rows of a table come from.
enum Made {
    /// Anybody makes them: so many of one network at a time, and so many seconds later they are gone.
    ByAnybody { most: i64, life: u32 },
    /// They come with an account, which anybody may make: thirty of one network in a window.
    WithAnAccount,
    /// Only who proved something makes them, or an operator.
    Otherwise(&'static str),
}
use Made::{ByAnybody, Otherwise, WithAnAccount};

const PERSONS: &str = "what a signed-in person, or their token, makes";
const OPERATORS: &str = "what an operator, their API or the server itself makes";
const CODES: &str = "what a person's decision, a code or a token gives";
const DAY: u32 = 86_400;

const TABLES: &[(&str, Made)] = &[
    ("pushed_requests", ByAnybody { most: 100, life: 90 }),
    ("device_codes", ByAnybody { most: 100, life: 1_200 }),
    ("remote_sessions", ByAnybody { most: 20, life: 600 }),
    ("mailed_links", ByAnybody { most: 20, life: 3_600 + DAY + 1 }),
    // Sent at once; what cannot be sent is given up after three days.
    ("outbox", ByAnybody { most: 20, life: 0 }),
    ("self_registrations", ByAnybody { most: 30, life: DAY + 1 }),
    ("clients", ByAnybody { most: 30, life: DAY + 1 }),
    ("client_secrets", ByAnybody { most: 30, life: DAY + 1 }),
    // A statement lives for an hour at most, and three thousand of one network are taken in a window.
    ("used_proofs", ByAnybody { most: 3_000, life: 3_661 }),
    // A name from the network, a name, the network: a hundred wrong passwords close it.
    ("failure_counts", ByAnybody { most: 201, life: 3_600 }),
    // Of one application, whose owner reads them, and not of one network.
    ("refusals", ByAnybody { most: 100, life: 31 * DAY }),
    ("users", WithAnAccount),
    ("sessions", WithAnAccount),
    ("security_log", WithAnAccount),
    ("known_networks", WithAnAccount),
    ("email_codes", WithAnAccount),
    ("seen_devices", WithAnAccount),
    ("sign_in_steps", Otherwise("they follow the right password")),
    ("factor_failures", Otherwise("they follow the right password")),
    ("remembered_browsers", Otherwise("they follow the right password")),
    ("grants", Otherwise(CODES)),
    ("authentications", Otherwise(CODES)),
    ("authorization_codes", Otherwise(CODES)),
    ("refresh_tokens", Otherwise(CODES)),
    ("tokens", Otherwise(CODES)),
    ("login_codes", Otherwise(CODES)),
    ("consents", Otherwise(PERSONS)),
    ("idempotency_keys", Otherwise(PERSONS)),
    ("user_pictures", Otherwise(PERSONS)),
    ("contact_messages", Otherwise(PERSONS)),
    ("host_proofs", Otherwise(PERSONS)),
    ("login_return_hosts", Otherwise(PERSONS)),
    ("deletions", Otherwise(PERSONS)),
    ("reserved_usernames", Otherwise("what a person leaves who was here")),
    ("former_addresses", Otherwise(PERSONS)),
    ("passkeys", Otherwise(PERSONS)),
    ("totp_factors", Otherwise(PERSONS)),
    ("recovery_codes", Otherwise(PERSONS)),
    ("installation", Otherwise(OPERATORS)),
    ("nodes", Otherwise(OPERATORS)),
    ("snapshot_version", Otherwise("one row, made by the migration")),
    ("setup_links", Otherwise(OPERATORS)),
    ("apis", Otherwise(OPERATORS)),
    ("api_scopes", Otherwise(OPERATORS)),
    ("resources", Otherwise(OPERATORS)),
    ("resource_shares", Otherwise(OPERATORS)),
    ("registration_tokens", Otherwise(OPERATORS)),
    ("signing_keys", Otherwise(OPERATORS)),
];

/// The tables that the schema names.
fn tables() -> Vec<String> {
    let parts = include_str!("../../src/schema.rs").split("diesel::table! {").skip(1);
    parts.filter_map(|part| part.split('(').next()).map(|name| name.trim().to_owned()).collect()
}

#[test]
fn every_table_says_who_makes_its_rows() {
    let listed: BTreeMap<&str, &Made> = TABLES.iter().map(|(table, made)| (*table, made)).collect();
    assert_eq!(listed.len(), TABLES.len(), "a table is listed twice");
    let tables = tables();
    assert!(tables.len() > 30, "the schema was not read: {tables:?}");
    for table in &tables {
        assert!(listed.contains_key(table.as_str()), "who can make rows of {table}, how many, and for how long?");
    }
    for (table, made) in listed {
        assert!(tables.iter().any(|known| known == table), "{table} is no table");
        let reason = if let Otherwise(reason) = made { reason } else { "-" };
        assert!(!reason.is_empty(), "{table}");
    }
}

/// A server that lets strangers do all that it can let them do.
struct Flooded {
    server: Server,
    mailbox: Mailbox,
    clients: Vec<Application>,
}

/// Addresses of one network.
fn address(number: usize) -> String {
    format!("192.0.2.{}", number % 250 + 1)
}

impl Flooded {
    async fn make() -> Self {
        let settings = [("trusted_proxies", "127.0.0.0/8"), ("dynamic_registration", "open")];
        let (server, mailbox) = spawn_with_mail(&settings).await;
        let mut clients = Vec::new();
        for draft in [public(), public(), on_a_device(), on_a_device()] {
            clients.push(server.application(draft).await);
        }
        Self { server, mailbox, clients }
    }

    async fn json(&self, number: usize, path: &str, body: Value) -> u16 {
        let from = address(number);
        let headers = [("x-forwarded-for", from.as_str()), ("content-type", "application/json")];
        self.server.http.send(Method::POST, path, &headers, body.to_string()).await.status
    }

    async fn form(&self, number: usize, path: &str, form: &[(&str, &str)]) -> u16 {
        self.server.http.post(path, &[("x-forwarded-for", &address(number))], form).await.status
    }

    /// One request that makes a row of this table, of one network and with whatever name it likes.
    async fn cause(&self, table: &str, number: usize) -> u16 {
        let name = format!("name-{number}@people.example");
        match table {
            "pushed_requests" => {
                let app = &self.clients[number % 2];
                let request = app.request();
                let path = request.path();
                let (_, query) = path.split_once('?').expect("because a request has parameters");
                let form: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
                let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
                self.form(number, "/oauth/par", &form).await
            }
            "device_codes" => {
                let form = [("client_id", self.clients[2 + number % 2].client_id())];
                self.form(number, "/oauth/device", &form).await
            }
            "remote_sessions" => self.json(number, "/v3/account/security/remoteSession", json!({})).await,
            "mailed_links" | "outbox" => {
                self.json(number, "/v3/account/security/password/reset", json!({ "email": name })).await
            }
            "self_registrations" | "clients" | "client_secrets" => {
                let uri = format!("https://app-{number}.example/callback");
                self.json(number, "/oauth/register", json!({ "client_name": "Maps", "redirect_uris": [uri] })).await
            }
            "failure_counts" => {
                let body = json!({ "username": format!("name-{number}"), "password": "wrong" });
                self.json(number, "/v3/account/login", body).await
            }
            "refusals" => {
                let form = [("grant_type", "refresh_token"), ("client_id", self.clients[0].client_id())];
                self.form(number, "/oauth/token", &form).await
            }
            _ => panic!("nothing here makes a row of {table}"),
        }
    }

    async fn settle(&self) {
        self.server.flush_failures().await;
        self.server.flush_refusals().await;
    }
}

#[actix_web::test]
async fn one_network_makes_so_many_rows_of_each_table_and_they_go_when_their_time_is_over() {
    for (table, made) in TABLES {
        let ByAnybody { most, life } = made else { continue };
        if *table == "used_proofs" {
            continue; // below
        }
        let flooded = Flooded::make().await;
        let before = flooded.server.count(table).await;
        let (mut taken, mut last) = (0, 0);
        for number in 0..usize::try_from(*most).expect("because it is small") + 50 {
            last = flooded.cause(table, number).await;
            taken += i64::from(last != 429);
            if *table == "refusals" {
                flooded.settle().await;
            }
        }
        flooded.settle().await;
        let rows = flooded.server.count(table).await - before;
        assert!(rows > 0 && rows <= *most, "{table}: {rows} rows, {most} at most");
        assert!(last == 429 || *table == "refusals", "{table}: the last one is not refused, but {last}");
        assert!(taken >= rows.min(100) || *table == "failure_counts", "{table}: {taken} were taken for {rows} rows");
        flooded.server.advance(*life);
        flooded.mailbox.take(&flooded.server).await;
        background_jobs::clean(&flooded.server.app.store, flooded.server.now())
            .await
            .expect("because nothing holds them");
        let left = flooded.server.count(table).await;
        assert!(left <= before, "{table}: {left} rows are left after {life} seconds, {before} were there before");
    }
}

#[actix_web::test]
async fn signed_statements_of_clients_that_anybody_makes_are_counted_by_network() {
    let flooded = Flooded::make().await;
    let (server, key) = (&flooded.server, Key::es256());
    let keys: Value = serde_json::from_str(&key.set(None)).expect("because it is JSON");
    let body = json!({ "client_name": "Maps", "redirect_uris": ["https://app.example/callback"],
        "token_endpoint_auth_method": "private_key_jwt", "jwks": keys });
    let headers = [("x-forwarded-for", "192.0.2.1"), ("content-type", "application/json")];
    let registered = server.http.send(Method::POST, "/oauth/register", &headers, body.to_string()).await.json();
    let registered = registered["client_id"].as_str().expect("because it is registered").to_owned();
    let draft = Draft { jwks: Some(key.set(None)), ..confidential() };
    let owned = server.application(draft).await.client_id().to_owned();
    let ask = async |id: &str, from: &str| {
        let now = server.now().seconds();
        let claims = json!({ "iss": id, "sub": id, "aud": server.issuer(), "exp": now + 60, "iat": now, "jti": random_word(22) });
        let assertion = key.sign(&json!({ "alg": key.alg() }), &claims);
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let form = [("client_assertion_type", kind), ("client_assertion", &assertion), ("token", "nothing")];
        server.http.post("/oauth/introspect", &[("x-forwarded-for", from)], &form).await.status
    };
    assert_eq!(ask(&registered, "192.0.2.1").await, 200);
    assert_eq!(server.count("used_proofs").await, 1);
    for _ in 1..3_000 {
        server.app.throttle.attempt_signed(server.now(), "192.0.2.9").expect("because three thousand are taken");
    }
    assert_eq!(ask(&registered, "192.0.2.1").await, 429);
    assert_eq!(server.count("used_proofs").await, 1, "what is refused is not remembered");
    assert_eq!(ask(&registered, "198.51.100.1").await, 200, "another network");
    assert_eq!(ask(&owned, "192.0.2.1").await, 200, "a client that somebody answers for");
    server.advance(3_661);
    background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds them");
    assert_eq!(server.count("used_proofs").await, 0);
}
