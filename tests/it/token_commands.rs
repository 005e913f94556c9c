//! `gatepost token inspect` and `token revoke`: an operator who has a token in their hands learns what it is and
//! why it does not work, and ends it.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use gatepost::store::users;
use serde_json::Value;

use crate::harness::application::Tokens;
use crate::harness::{self, Server, confidential};

fn token(server: &Server, what: &str, typed: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gatepost"))
        .args(["token", what, "--json"])
        .env("GATEPOST_DATABASE_URL", server.database_url())
        .env("GATEPOST_SECRET_FILE", &server.app.config.secret_file)
        .env("GATEPOST_PUBLIC_URL", &server.app.public.issuer)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("because cargo built it");
    let mut input = child.stdin.take().expect("because it is piped");
    input.write_all(format!("{typed}\n").as_bytes()).expect("because the command reads it");
    drop(input);
    child.wait_with_output().expect("because it was started here")
}

fn inspect(server: &Server, typed: &str) -> Value {
    let output = token(server, "inspect", typed);
    assert!(!String::from_utf8_lossy(&output.stdout).contains(typed), "the token itself is not printed");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn refresh_token(tokens: &Tokens) -> &str {
    tokens.refresh_token.as_deref().expect("because the application may refresh")
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[actix_web::test]
async fn an_operator_reads_what_a_token_is_and_why_it_works_no_longer() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let app = server.application(confidential()).await;
    let tokens = app.tokens(&mut alice).await;
    // The command has the machine's clock, by which these may be over: an end by somebody is named before an expiry.
    let said = inspect(&server, &tokens.access_token);
    assert_eq!(
        (&said["token_kind"], &said["username"], &said["client_id"]),
        (&"oauth".into(), &"alice".into(), &app.client_id().into())
    );
    assert_eq!(inspect(&server, refresh_token(&tokens))["token_kind"], "refresh");
    assert_eq!(inspect(&server, app.secret())["token_kind"], "client_secret");
    let id = server.person_named("alice").await.id;
    server.write(move |tx| users::set_disabled(tx, id, Some(harness::BEGIN))).await;
    for typed in [&tokens.access_token, refresh_token(&tokens)] {
        let said = inspect(&server, typed);
        assert_eq!((&said["works"], &said["why"]), (&false.into(), &"its person is disabled".into()));
    }
}

#[actix_web::test]
async fn an_operator_ends_a_token_and_its_person_reads_of_it() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let app = server.application(confidential()).await;
    let tokens = app.tokens(&mut alice).await;
    let program = server.log_in("alice").await;
    for (typed, why) in [
        (program.token(), "it was revoked"),
        (&tokens.access_token, "it was revoked"),
        (refresh_token(&tokens), "the log-in or permission that it came from was ended"),
    ] {
        let output = token(&server, "revoke", typed);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(inspect(&server, typed)["why"], why);
        let again: Value = serde_json::from_slice(&token(&server, "revoke", typed).stdout).expect("because of --json");
        assert_eq!(again["had_ended"], true);
    }
    assert_eq!(server.account_status(program.token()).await, 401);
    assert_eq!(app.refresh(refresh_token(&tokens)).await.err(), Some((400, "invalid_grant".to_owned())));
    assert_eq!(server.count("security_log WHERE event = 'token.revoke'").await, 3);
    let (_, held) = server.one_of_each("bob").await;
    for typed in [&held.generator, &held.personal, &held.studio] {
        assert!(token(&server, "revoke", typed).status.success());
    }
    let of_bob = format!("security_log WHERE user_id = {} AND event", server.person_named("bob").await.id.number());
    assert_eq!(server.count(&format!("{of_bob} = 'token.revoke' AND subject LIKE 'the token generator, %'")).await, 1);
    assert_eq!(server.count(&format!("{of_bob} = 'token.revoke' AND subject LIKE 'A program%'")).await, 0);
    let advice = complaint(&token(&server, "revoke", app.secret()));
    assert!(advice.contains("rotate-secret"), "{advice}");
}

#[actix_web::test]
async fn what_is_no_token_of_this_server_is_said_so() {
    let (server, other) = (harness::spawn().await, harness::spawn().await);
    other.person("alice").await;
    let foreign = other.log_in("alice").await;
    let unknown = complaint(&token(&server, "inspect", foreign.token()));
    assert!(unknown.contains("nothing is known of this token"), "{unknown}");
    for typed in ["", "hello", &foreign.token()[..60]] {
        let malformed = complaint(&token(&server, "revoke", typed));
        assert!(malformed.contains("no token of this server"), "{malformed}");
    }
}
