//! The built server is killed under load, three times: every token that was answered works after it,
//! and no code that was used works again.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use scraper::{Html, Selector};
use serde_json::Value;

use crate::harness::application::s256;
use crate::harness::http::{encode, parameter};
use crate::harness::random_word;

const PASSWORD: &str = "correct horse battery";
const REDIRECT_URI: &str = "https://app.example/callback";
/// Threads that log in and refresh at once.
const THREADS: usize = 4;
/// Log-ins after which the server is killed, in the middle of the next ones.
const ENOUGH: usize = 40;

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command.current_dir(folder).env_clear().envs([
        ("GATEPOST_DATABASE_URL", "sqlite://gatepost.db"),
        ("GATEPOST_LISTEN", "127.0.0.1:0"),
        ("GATEPOST_OPS_LISTEN", ""),
        ("GATEPOST_PASSWORD_BCRYPT_COST", "10"),
        ("GATEPOST_LOG_LEVEL", "error"),
    ]);
    command
}

/// Runs one command to its end, with a line on its input.
fn run(folder: &Path, arguments: &[&str], input: &str) -> String {
    let mut command = command(folder);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("because the binary was built with the tests");
    let mut stdin = child.stdin.take().expect("because it is piped");
    stdin.write_all(input.as_bytes()).expect("because the command reads it");
    drop(stdin);
    let output = child.wait_with_output().expect("because it was started");
    assert!(output.status.success(), "{arguments:?} failed");
    String::from_utf8(output.stdout).expect("because our output is UTF-8")
}

/// The running server, and where.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(folder: &Path) -> Self {
        let mut command = command(folder);
        let mut child = command.arg("serve").stdout(Stdio::piped()).spawn().expect("because the binary was built");
        let lines = BufReader::new(child.stdout.take().expect("because it is piped")).lines();
        let mut said = lines.map_while(Result::ok);
        let address = said.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
        assert!(said.any(|line| line.starts_with("ready ")), "the server did not get ready");
        Self { child, address: format!("http://{}", address.expect("because it says so before it is ready")) }
    }
}

impl Drop for Serving {
    /// `kill -9`, also when a test fails.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One thread's connection.
struct Caller {
    agent: ureq::Agent,
    address: String,
}

/// A status, where it leads, and the body; nothing when the server died on the way.
type Heard = Option<(u16, String, Vec<u8>)>;

impl Caller {
    fn new(address: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let config = config.timeout_global(Some(Duration::from_secs(20))).build();
        Self { agent: ureq::Agent::new_with_config(config), address: address.to_owned() }
    }

    fn heard(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Heard {
        let (parts, mut body) = answer.ok()?.into_parts();
        let location = parts.headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
        Some((parts.status.as_u16(), location.to_owned(), body.read_to_vec().ok()?))
    }

    fn get(&self, path: &str, (name, value): (&str, &str)) -> Heard {
        Self::heard(self.agent.get(format!("{}{path}", self.address)).header(name, value).call())
    }

    fn post(&self, path: &str, cookie: Option<&str>, form: &[(&str, &str)]) -> Heard {
        let mut request = self.agent.post(format!("{}{path}", self.address));
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie).header("sec-fetch-site", "same-origin");
        }
        Self::heard(request.header("content-type", "application/x-www-form-urlencoded").send(encode(form)))
    }

    /// Logs in; the cookie.
    fn log_in(&self) -> String {
        let form = encode(&[("username", "alice"), ("password", PASSWORD)]);
        let request = self.agent.post(format!("{}/login", self.address));
        let answer = request.header("content-type", "application/x-www-form-urlencoded").send(form);
        let answer = answer.expect("because the server runs");
        let cookie = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok());
        cookie.and_then(|cookie| cookie.split(';').next()).expect("because the password is right").to_owned()
    }

    fn works(&self, access_token: &str) -> bool {
        let bearer = format!("Bearer {access_token}");
        self.get("/v3/account", ("authorization", &bearer)).expect("because the server runs").0 == 200
    }
}

#[derive(Clone)]
struct Registered {
    client_id: String,
    client_secret: Option<String>,
}

impl Registered {
    fn create(folder: &Path, name: &str, more: &[&str]) -> Self {
        let usual = ["client", "create", "--json", "--name", name, "--owner", "alice", "--redirect-uri", REDIRECT_URI];
        let said: Value = serde_json::from_str(&run(folder, &[&usual, more].concat(), "")).expect("because of --json");
        let text = |name: &str| said[name].as_str().map(str::to_owned);
        Self { client_id: text("client_id").expect("because it was created"), client_secret: text("client_secret") }
    }

    fn token(&self, caller: &Caller, form: &[(&str, &str)]) -> Heard {
        let secret = self.client_secret.as_deref().map(|secret| ("client_secret", secret));
        let named = [("client_id", self.client_id.as_str())].into_iter().chain(secret);
        caller.post("/oauth/token", None, &form.iter().copied().chain(named).collect::<Vec<_>>())
    }

    fn authorize_path(&self, verifier: &str) -> String {
        let challenge = s256(verifier);
        let pairs = [
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", REDIRECT_URI),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        format!("/oauth/authorize?{}", encode(&pairs))
    }

    /// Allows the application once; it is remembered.
    fn allow(&self, caller: &Caller, cookie: &str) {
        let path = self.authorize_path(&random_word(64));
        let (_, _, page) = caller.get(&path, ("cookie", cookie)).expect("because the server runs");
        let html = Html::parse_document(&String::from_utf8_lossy(&page));
        let field = Selector::parse("input[name=shown]").expect("because it is a selector");
        let shown = html.select(&field).next().and_then(|input| input.attr("value")).expect("because it asks");
        let answer = caller.post(&path, Some(cookie), &[("shown", shown), ("decision", "allow")]);
        assert_eq!(answer.map(|(status, _, _)| status), Some(303));
    }
}

/// What one person's log-in was answered with.
struct Login {
    client: Registered,
    exchange: Vec<(&'static str, String)>,
    access_tokens: Vec<String>,
    refresh_token: String,
}

impl Login {
    fn form(&self) -> Vec<(&str, &str)> {
        self.exchange.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    fn keep(&mut self, body: &[u8]) {
        let body: Value = serde_json::from_slice(body).expect("because an answer is whole");
        let text = |name: &str| body[name].as_str().expect("because every answer has both").to_owned();
        self.access_tokens.push(text("access_token"));
        self.refresh_token = text("refresh_token");
    }

    /// Logs in and refreshes twice; what the server did not live to answer is not kept.
    fn begin(client: &Registered, caller: &Caller, cookie: &str) -> Option<Self> {
        let verifier = random_word(64);
        let (_, location, _) = caller.get(&client.authorize_path(&verifier), ("cookie", cookie))?;
        let code = parameter(&location, "code").expect("because the consent is remembered");
        let exchange = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", REDIRECT_URI.to_owned()),
            ("code_verifier", verifier),
        ];
        let (access_tokens, refresh_token) = (Vec::new(), String::new());
        let mut login = Self { client: client.clone(), exchange, access_tokens, refresh_token };
        let (status, _, body) = client.token(caller, &login.form())?;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        login.keep(&body);
        for _ in 0..2 {
            let form = [("grant_type", "refresh_token"), ("refresh_token", login.refresh_token.as_str())];
            let Some((status, _, body)) = client.token(caller, &form) else { break };
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
            login.keep(&body);
        }
        Some(login)
    }
}

/// Loads the server from several threads, and kills it in the middle.
fn load_and_kill(serving: Serving, clients: &[Registered], cookie: &str) -> Vec<Login> {
    let (is_over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (client, address) = (&clients[number % clients.len()], serving.address.clone());
                let (is_over, count) = (&is_over, &count);
                scope.spawn(move || {
                    let (caller, mut logins) = (Caller::new(&address), Vec::new());
                    while !is_over.load(Ordering::SeqCst) {
                        let Some(login) = Login::begin(client, &caller, cookie) else { break };
                        logins.push(login);
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                    logins
                })
            })
            .collect();
        let began = Instant::now();
        while count.load(Ordering::SeqCst) < ENOUGH && began.elapsed() < Duration::from_secs(60) {
            thread::sleep(Duration::from_millis(5));
        }
        drop(serving);
        is_over.store(true, Ordering::SeqCst);
        let joined = threads.into_iter().map(|thread| thread.join().expect("because no answer was wrong"));
        joined.flatten().collect()
    })
}

/// After the restart: tokens first, since a replayed code ends them.
fn assert_nothing_was_lost(caller: &Caller, logins: &[Login]) {
    for login in logins {
        assert!(login.access_tokens.iter().all(|token| caller.works(token)), "an answered access token is lost");
        let form = [("grant_type", "refresh_token"), ("refresh_token", login.refresh_token.as_str())];
        let (status, _, body) = login.client.token(caller, &form).expect("because the server runs");
        assert_eq!(status, 200, "an answered refresh token is lost: {}", String::from_utf8_lossy(&body));
    }
    for login in logins {
        let (status, _, body) = login.client.token(caller, &login.form()).expect("because the server runs");
        assert_eq!(status, 400, "a used code works again");
        assert!(String::from_utf8_lossy(&body).contains("\"invalid_grant\""));
        assert!(!caller.works(&login.access_tokens[0]), "the code's second use was not noticed");
    }
}

#[test]
fn a_server_that_is_killed_under_load_loses_no_token_that_it_answered_and_forgets_no_code_that_was_used() {
    let folder = tempfile::tempdir().expect("because the system has a temporary folder");
    let folder = folder.path();
    let person = ["user", "create", "--username", "alice", "--email", "alice@people.example", "--password-stdin"];
    run(folder, &["migrate"], "");
    run(folder, &person, &format!("{PASSWORD}\n"));
    let clients = [Registered::create(folder, "Server", &[]), Registered::create(folder, "Browser", &["--public"])];
    let mut serving = Serving::start(folder);
    let caller = Caller::new(&serving.address);
    let cookie = caller.log_in();
    clients.iter().for_each(|client| client.allow(&caller, &cookie));
    for round in 1..=3 {
        let logins = load_and_kill(serving, &clients, &cookie);
        assert!(logins.len() >= ENOUGH, "round {round} was no load: {} log-ins", logins.len());
        serving = Serving::start(folder);
        assert_nothing_was_lost(&Caller::new(&serving.address), &logins);
    }
}
