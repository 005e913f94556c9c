//! What is secret is neither in the database nor in the log: after journeys that make one of each kind,
//! both are searched for them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl};
use gatepost::identity::set_up;

use crate::harness::browser::Browser;
use crate::harness::http::{Http, parameter};
use crate::harness::pages::log_in_path_with;
use crate::harness::{self, PASSWORD, Server, confidential, public};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

/// All that the database holds, as it lies on the disk or as PostgreSQL tells it.
pub async fn everything(server: &Server) -> Vec<u8> {
    let Some(file) = server.sqlite_file() else { return everything_in_postgres(server).await };
    let mut bytes = Vec::new();
    for ending in ["", "-wal"] {
        let path = format!("{}{ending}", file.display());
        bytes.extend(std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}")));
    }
    bytes
}

async fn everything_in_postgres(server: &Server) -> Vec<u8> {
    let lines = server.read(|db| {
        let tables =
            "SELECT table_name::text AS text FROM information_schema.tables WHERE table_schema = current_schema()";
        let tables: Vec<Line> = gatepost::on!(db, |c| diesel::sql_query(tables).load(c))?;
        let mut lines = Vec::new();
        for table in tables {
            let rows = format!("SELECT coalesce(string_agg(t::text, ' '), '') AS text FROM {} t", table.text);
            lines.push(gatepost::on!(db, |c| diesel::sql_query(rows).get_result::<Line>(c))?.text);
        }
        Ok(lines)
    });
    lines.await.join("\n").into_bytes()
}

/// Whether they hold this text.
pub fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The secret digits of a token of ours, without the id that the database knows too.
fn digits(token: &str) -> &str {
    let start = token.find("gp").unwrap_or_default();
    let (from, until) = (start + 15, start + 58);
    assert!(token.len() >= until, "{token} is no token of ours");
    &token[from..until]
}

#[actix_web::test]
async fn no_secret_is_in_the_database() {
    let server = harness::spawn().await;
    let link = set_up::make_link(&server.app.store, server.now()).await.expect("because the database works");
    let link = link.expect("because nobody has an account").expose().to_owned();
    let (web, spa) = (server.application(confidential()).await, server.application(public()).await);
    server.application(harness::pages::returns_to(&["https://app.example/maps/"])).await;
    let mut alice = server.signed_in("alice").await;
    let session = alice.cookies()["gatepost"].clone();
    let session = session[session.find("gpb_").expect("because the cookie carries a key")..].to_owned();
    let code = web.code(&mut alice).await.code;
    let (of_web, of_spa) = (web.tokens(&mut alice).await, spa.tokens(&mut alice).await);
    let rotated = spa.refresh(of_spa.refresh()).await.expect("because it is its first use");
    let state = "a-state-of-the-app";
    let page =
        alice.open(&log_in_path_with("https://app.example/maps/?q=a-place-of-the-app", &[("state", state)])).await;
    let location = alice.press_continue(&page).await.away().to_owned();
    let user_token = parameter(&location, "token").expect("because the person agreed");
    assert_eq!(server.account_status(&user_token).await, 200);
    server.flush_uses().await;
    let bytes = everything(&server).await;
    for known in ["alice@people.example", "https://app.example/callback", spa.client_id()] {
        assert!(holds(&bytes, known), "the search finds nothing: {known}");
    }
    for text in [PASSWORD, state, "a-place-of-the-app"] {
        assert!(!holds(&bytes, text), "{text} is in the database");
    }
    let tokens = [
        &link,
        web.secret(),
        &session,
        &code,
        &of_web.access_token,
        of_web.refresh(),
        &of_spa.access_token,
        of_spa.refresh(),
        &rotated.access_token,
        rotated.refresh(),
        &user_token,
    ];
    for token in tokens {
        assert!(!holds(&bytes, digits(token)), "{token} is in the database");
    }
}

/// `gatepost serve`, with all that it writes into one file.
struct Running {
    child: Child,
    url: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().expect("because the program was started here");
        self.child.wait().expect("because the program was started here");
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    let database = format!("sqlite://{}", folder.join("gatepost.db").display());
    command.current_dir(folder).env("GATEPOST_DATABASE_URL", database).env("GATEPOST_LISTEN", "127.0.0.1:0");
    command.env("GATEPOST_OPS_LISTEN", "").env("GATEPOST_LOG_LEVEL", "trace").env("GATEPOST_WORKERS", "1");
    command
}

fn run(folder: &Path, arguments: &[&str], input: &str) {
    let mut child = command(folder).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let child = child.as_mut().expect("because the program was just built");
    let typed = child.stdin.take().expect("because it is piped").write_all(input.as_bytes());
    typed.expect("because the program reads it");
    assert!(child.wait().expect("because it was started here").success(), "{arguments:?}");
}

fn serve(folder: &Path, log: &Path) -> Running {
    let log = std::fs::File::create(log).expect("because the folder is ours");
    let mut child =
        command(folder).arg("serve").stdout(Stdio::piped()).stderr(log).spawn().expect("because it was just built");
    let output = BufReader::new(child.stdout.take().expect("because it is piped"));
    let mut lines = output.lines().map(|line| line.expect("because our output is UTF-8"));
    let url = lines.find_map(|line| line.strip_prefix("ready ").map(str::to_owned));
    Running { child, url: url.expect("because the program says where it is ready") }
}

#[actix_web::test]
async fn no_secret_and_no_query_is_in_the_log() {
    let folder = tempfile::tempdir().expect("because the system has a temporary folder");
    let person = ["user", "create", "--username", "alice", "--email", "alice@people.example", "--password-stdin"];
    run(folder.path(), &["migrate"], "");
    run(folder.path(), &person, PASSWORD);
    let app = ["client", "create", "--name", "Map studio", "--owner", "alice", "--login-return-url"];
    run(folder.path(), &[&app[..], &["https://app.example/in"]].concat(), "");
    let log = folder.path().join("log");
    let server = serve(folder.path(), &log);
    let address = server.url.strip_prefix("http://localhost:").map(|port| format!("127.0.0.1:{port}"));
    let address = address.and_then(|address| address.parse().ok()).expect("because that is the usual public URL");
    let http = Http::new(address, &server.url);
    let mut alice = Browser::new(http.clone(), &server.url);
    alice.sign_in("alice").await;
    let session = alice.cookies()["gatepost"].clone();
    let page = alice.open(&log_in_path_with("https://app.example/in", &[("state", "a-state-of-the-app")])).await;
    let location = alice.press_continue(&page).await.away().to_owned();
    let token = parameter(&location, "token").expect("because the person agreed");
    assert_eq!(http.get(&format!("/v3/account?token={token}")).await.status, 200);
    assert_eq!(http.get_with_token("/v3/account", &token).await.status, 200);
    assert_eq!(http.get(&format!("/account?token={token}")).await.status, 303);
    let client = [("client_id", "x"), ("client_secret", "a-secret-of-an-app")];
    let form = [&client[..], &[("grant_type", "authorization_code"), ("code", "a-code-of-an-app")]].concat();
    assert_eq!(http.post("/oauth/token", &[], &form).await.status, 401);
    let refused = "/oauth/authorize?client_id=nobody&state=another-state";
    assert_eq!(http.get(refused).await.status, 400);
    drop(server);
    let log = std::fs::read_to_string(&log).expect("because the program wrote it");
    assert!(log.contains("unknown-client"), "the search finds nothing: {log}");
    let sent = ["a-state-of-the-app", "another-state", "a-secret-of-an-app", "a-code-of-an-app"];
    for secret in [PASSWORD, digits(&token), digits(&session)].into_iter().chain(sent) {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}
