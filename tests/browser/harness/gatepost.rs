//! A server with one person, alice; what its operator does, and what the servers of apps ask it.

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use serde_json::Value;
use ureq::Agent;

use super::program::{Home, Running};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// A running server.
pub struct Gatepost {
    pub(super) running: Running,
    url: String,
}

impl Gatepost {
    /// Starts a server that knows alice.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with settings by their keys.
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let home = Home::with(settings);
        create_user(&home, "alice");
        let running = home.serve(&["serve"]);
        let url = running.announced("ready");
        Self { running, url }
    }

    /// An address of the server.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Makes another person.
    pub fn create_user(&self, name: &str) {
        create_user(self.running.home(), name);
    }

    /// Registers an application of alice's and answers its record.
    pub fn create_client(&self, name: &str, arguments: &[&str]) -> Value {
        let mut all = vec!["client", "create", "--json", "--owner", "alice", "--name", name];
        all.extend_from_slice(arguments);
        self.running.home().run(&all, "")
    }

    /// Registers an API.
    pub fn create_api(&self, identifier: &str, name: &str, scopes: &[&str]) {
        let mut all = vec!["api", "create", "--json", "--identifier", identifier, "--name", name];
        all.extend(scopes.iter().flat_map(|scope| ["--scope", *scope]));
        self.running.home().run(&all, "");
    }

    /// Registers an API that the operator runs.
    pub fn create_own_api(&self, identifier: &str, name: &str) {
        let all = ["api", "create", "--json", "--first-party", "--identifier", identifier, "--name", name];
        self.running.home().run(&all, "");
    }

    /// A one-time link with which alice sets a new password, as a path of ours.
    pub fn make_reset_link(&self) -> String {
        let said = self.running.home().ask(&["user", "reset-password", "--link", "alice"], "");
        let (_, path) = said.trim().split_once("/reset/").expect("because it is a link");
        format!("/reset/{path}")
    }

    /// Invites somebody by mail.
    pub fn invite(&self, email: &str) {
        self.running.home().ask(&["user", "invite", "--email", email], "");
    }

    /// Lets this much time pass since anybody proved who they are.
    pub fn grow_stale(&self, seconds: u32) {
        self.execute(&format!("UPDATE sessions SET authenticated_at = authenticated_at - {seconds}"));
    }

    /// Changes the database as no page does.
    pub fn execute(&self, sql: &str) {
        let file = self.running.home().path().join("gatepost.db");
        let file = file.to_str().expect("because temporary folders are text");
        let mut database = SqliteConnection::establish(file).expect("because the server made it");
        database.batch_execute(&format!("PRAGMA busy_timeout = 10000; {sql}")).expect("because the table is there");
    }

    /// How many applications there are.
    pub fn count_clients(&self) -> usize {
        let all = self.running.home().run(&["client", "list", "--json"], "");
        all.as_array().expect("because it is a list").len()
    }

    /// How many tokens were ever given.
    pub fn count_tokens(&self) -> i64 {
        let file = self.running.home().path().join("gatepost.db");
        let file = file.to_str().expect("because temporary folders are text");
        let mut database = SqliteConnection::establish(file).expect("because the server made it");
        diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>("(SELECT count(*) FROM tokens)"))
            .get_result(&mut database)
            .expect("because the table is there")
    }

    /// Sends a form as an app's server would; the answer's status and JSON.
    pub fn post_form(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let mut answer =
            agent().post(self.at(path)).send_form(form.iter().copied()).expect("because the server listens");
        let body = answer.body_mut().read_to_string().expect("because the body is text");
        (answer.status().as_u16(), serde_json::from_str(&body).unwrap_or_default())
    }

    /// The status of a call to the account API with a token.
    pub fn try_token(&self, token: &str) -> u16 {
        try_token(&self.at("/v3/account"), token)
    }

    /// What the server says about a token to whoever has it.
    pub fn validate(&self, token: &str) -> Value {
        let request = agent().get(self.at("/v3/validate")).header("Authorization", format!("Bearer {token}"));
        let mut answer = request.call().expect("because the server listens");
        let body = answer.body_mut().read_to_string().expect("because the body is text");
        serde_json::from_str(&body).unwrap_or_default()
    }
}

/// The status of a call to an API with a token.
pub fn try_token(address: &str, token: &str) -> u16 {
    let answer = agent().get(address).header("Authorization", format!("Bearer {token}")).call();
    answer.expect("because the API listens").status().as_u16()
}

fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).build().new_agent()
}

fn create_user(home: &Home, name: &str) {
    let email = format!("{name}@mail.example");
    home.run(&["user", "create", "--json", "--username", name, "--email", &email, "--password-stdin"], PASSWORD);
}
