//! Whoever signs up with somebody's address, or sat in their account, is out of it when its owner sets a
//! password by mail: every way to do that ends every way back. And before an address is proven there is
//! little to leave behind.

use std::io::Write;
use std::process::{Command, Stdio};

use actix_web::http::Method;
use gatepost::clock::Clock;
use gatepost::domain::registration::Draft;
use gatepost::oauth::clients::By;
use serde_json::{Value, json};

use crate::harness::application::{Application, basic};
use crate::harness::authenticator::Authenticator;
use crate::harness::browser::Browser;
use crate::harness::client_keys::Key;
use crate::harness::mailbox::{Mailbox, spawn_with_mail};
use crate::harness::{self, PASSWORD, Server, confidential, execute, random_word};

const NEW: &str = "another horse battery";
const RESET: &str = "/v3/account/security/password/reset";
const FORM: &[(&str, &str)] =
    &[("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];

/// How a password gets set without the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ResetPage,
    ResetPageKeepingTokens,
    ResetByProgram,
    ProvingPage,
    ProvingByProgram,
    OperatorsLink,
    OperatorsWord,
    NotMe,
}

const WAYS: [Way; 8] = [
    Way::ResetPage,
    Way::ResetPageKeepingTokens,
    Way::ResetByProgram,
    Way::ProvingPage,
    Way::ProvingByProgram,
    Way::OperatorsLink,
    Way::OperatorsWord,
    Way::NotMe,
];

/// What a stranger leaves behind in the account of alice.
struct LeftBehind {
    browser: Browser,
    passkey: Authenticator,
    app: Application,
    keyed: (Application, Key),
    personal: String,
    whole: String,
}

async fn leave_behind(server: &Server) -> LeftBehind {
    let mut browser = server.signed_in("alice").await;
    let alice = server.person_named("alice").await;
    let whole = server.log_in("alice").await;
    let personal = whole.make_token(json!([{ "pathId": "map", "access": { "accessTier": "edit" } }])).await;
    let allowed = server.application(confidential()).await;
    allowed.tokens(&mut browser).await;
    let key = Key::es256();
    let keyed = Draft { name: "Night survey".to_owned(), jwks: Some(key.set(None)), ..confidential() };
    let keyed = server.register(By::Owner(alice.id), keyed).await;
    let own = Draft { name: "Day survey".to_owned(), ..confidential() };
    let app = server.register(By::Owner(alice.id), own).await;
    let passkey = browser.add_passkey(server).await;
    browser.set_up_app(server).await;
    let whole = whole.token().to_owned();
    let personal = personal["token"].as_str().expect("because it was just made").to_owned();
    LeftBehind { browser, passkey, app, keyed: (keyed, key), personal, whole }
}

/// As if the address had never been proven.
async fn doubt_address(server: &Server) {
    let sql = "UPDATE users SET email_verified_at = NULL, verified_email_folded = NULL WHERE username = 'alice'";
    server.write(move |tx| execute(tx, sql)).await;
}

fn operate(server: &Server, mailbox: &Mailbox, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.env("GATEPOST_DATABASE_URL", server.database_url());
    command.env("GATEPOST_SECRET_FILE", &server.app.config.secret_file);
    command.env("GATEPOST_PUBLIC_URL", server.issuer()).env("GATEPOST_MAIL_URL", mailbox.url());
    let mut child = command.spawn().expect("because cargo built it");
    let mut input = child.stdin.take().expect("because it is piped");
    writeln!(input, "{NEW}").expect("because the command reads it or ended");
    drop(input);
    let output = child.wait_with_output().expect("because it was started");
    server.know_what_a_command_changed();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

async fn set_on_page(server: &Server, link: &str, ends_own_tokens: bool) {
    let mut owner = server.browser();
    let page = owner.open(link).await;
    let form = page.form_with("Set password").fill("password", NEW);
    let form = if ends_own_tokens { form } else { form.untick("end_tokens") };
    let page = owner.submit(form).await;
    assert_eq!(page.heading(), "Your account", "{}", page.text());
}

/// Asks for a link to alice's address and gives its path.
async fn asked_for(server: &Server, mailbox: &Mailbox, stranger: &mut Browser, way: Way) -> String {
    match way {
        Way::ProvingPage | Way::ProvingByProgram => {
            doubt_address(server).await;
            let page = stranger.open("/account/profile").await;
            stranger.submit(page.form_with("Send the letter again")).await;
        }
        _ => drop(server.nobody().post(RESET, &json!({ "email": "alice@people.example" })).await.success()),
    }
    mailbox.take(server).await.last().expect("because it was mailed").link()
}

async fn set_password(server: &Server, mailbox: &Mailbox, stranger: &mut Browser, way: Way) {
    mailbox.take(server).await;
    let key_of = |link: &str| link.split("key=").nth(1).expect("because it has one").to_owned();
    match way {
        Way::ResetPage | Way::ResetPageKeepingTokens => {
            let link = asked_for(server, mailbox, stranger, way).await;
            set_on_page(server, &link, way == Way::ResetPage).await;
        }
        Way::ResetByProgram => {
            let key = key_of(&asked_for(server, mailbox, stranger, way).await);
            let body = json!({ "token": key, "newPassword": NEW });
            server.nobody().post("/v3/account/security/password/validate", &body).await.success();
        }
        Way::ProvingPage => {
            let link = asked_for(server, mailbox, stranger, way).await;
            let mut owner = server.browser();
            let page = owner.open(&link).await;
            let form = page.form_with("Set password and confirm").fill("new_password", NEW);
            assert_eq!(owner.submit(form).await.heading(), "Your account");
        }
        Way::ProvingByProgram => {
            let key = key_of(&asked_for(server, mailbox, stranger, way).await);
            let body = json!({ "token": key, "newPassword": NEW });
            server.nobody().post("/v3/account/security/email/validate", &body).await.success();
        }
        Way::OperatorsLink => {
            let printed = operate(server, mailbox, &["user", "reset-password", "--link", "alice"]);
            let link = printed.strip_prefix(server.issuer()).expect("because it is ours").to_owned();
            set_on_page(server, &link, true).await;
        }
        Way::OperatorsWord => {
            operate(server, mailbox, &["user", "reset-password", "alice"]);
            // The command has the machine's clock.
            let ahead = Clock::System.now().since(server.now()) + 1;
            server.advance(u32::try_from(ahead).unwrap_or_default());
        }
        Way::NotMe => {
            let page = stranger.open("/account/not-me").await;
            stranger.submit(page.form_with("End everything")).await;
            let messages = mailbox.take(server).await;
            let found = messages.iter().find(|message| message.subject == "Set a new password to get back in");
            set_on_page(server, &found.expect("because it was mailed").link(), true).await;
        }
    }
}

async fn introspects(server: &Server, app: &Application) -> u16 {
    let credentials = basic(app.client_id(), app.secret());
    server.http.post("/oauth/introspect", &[("authorization", &credentials)], &[("token", "x")]).await.status
}

async fn signs(server: &Server, app: &Application, key: &Key) -> u16 {
    let (id, now) = (app.client_id(), server.now().seconds());
    let claims = json!({
        "iss": id, "sub": id, "aud": server.issuer(), "exp": now + 60, "iat": now, "jti": random_word(22),
    });
    let assertion = key.sign(&json!({ "alg": key.alg(), "typ": "JWT" }), &claims);
    let form = [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion.as_str()),
        ("token", "x"),
    ];
    server.http.post("/oauth/introspect", &[], &form).await.status
}

async fn is_valid(server: &Server, token: &str) -> bool {
    server.program(token).get("/v3/validate").await.success()["valid"] == json!(true)
}

#[actix_web::test]
async fn every_way_to_a_new_password_without_the_old_one_ends_every_way_back() {
    for way in WAYS {
        let (server, mailbox) = spawn_with_mail(&[]).await;
        let LeftBehind { mut browser, mut passkey, app, keyed, personal, whole } = leave_behind(&server).await;
        let before = (introspects(&server, &app).await, signs(&server, &keyed.0, &keyed.1).await);
        assert_eq!(before, (200, 200), "{way:?}: without it the test shows nothing");
        set_password(&server, &mailbox, &mut browser, way).await;
        for table in ["totp_factors", "recovery_codes", "passkeys", "remembered_browsers", "consents"] {
            assert_eq!(server.count(table).await, 0, "{way:?}: {table}");
        }
        let after = (introspects(&server, &app).await, signs(&server, &keyed.0, &keyed.1).await);
        assert_eq!(after, (401, 401), "{way:?}: who acts as an app of the account");
        assert!(!is_valid(&server, &whole).await, "{way:?}");
        assert_eq!(is_valid(&server, &personal).await, way == Way::ResetPageKeepingTokens, "{way:?}");
        assert_eq!(browser.open("/account").await.heading(), "Log in", "{way:?}");
        let page = server.browser().present(&mut passkey, "/login").await;
        assert_ne!(page.heading(), "Your account", "{way:?}: the passkey");
        let log_in = json!({ "username": "alice", "password": PASSWORD });
        server.nobody().post("/v3/account/login", &log_in).await.refusal(400);
        let messages = mailbox.take(&server).await;
        let told = messages.iter().find(|message| message.subject == "A new password was set");
        let told = &told.unwrap_or_else(|| panic!("{way:?}: nothing was told: {messages:?}")).whole;
        for word in ["passkeys", "authenticator app", "recovery codes", "remembered browsers", "secrets"] {
            assert!(told.contains(word), "{way:?}: {word}: {told}");
        }
        let log_in = json!({ "username": "alice@people.example", "password": NEW });
        server.nobody().post("/v3/account/login", &log_in).await.member("token");
        assert_eq!(
            server.count("users WHERE username = 'alice' AND email_verified_at IS NOT NULL").await,
            1,
            "{way:?}"
        );
    }
}

/// Her own choice to keep tokens is about tokens that are hers.
#[actix_web::test]
async fn tokens_from_before_the_address_was_proven_end_whatever_the_form_says() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let left = leave_behind(&server).await;
    doubt_address(&server).await;
    server.nobody().post(RESET, &json!({ "email": "alice" })).await.success();
    let link = mailbox.take(&server).await.last().expect("because it was mailed").link();
    let page = server.browser().open(&link).await;
    assert!(page.text().contains("Personal and studio tokens end too"), "{}", page.text());
    // Without the tick, which the page does not show here.
    let body = format!("password={}", NEW.replace(' ', "+"));
    server.browser().bare(Method::POST, &link, FORM, &body).await;
    assert!(!is_valid(&server, &left.personal).await, "a stranger may have created it");
    assert_eq!(server.count("users WHERE username = 'alice' AND email_verified_at IS NOT NULL").await, 1);
}

/// Whoever hands a link over saw a person, and no mailbox.
#[actix_web::test]
async fn a_link_that_an_operator_hands_over_proves_no_address() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    leave_behind(&server).await;
    doubt_address(&server).await;
    let printed = operate(&server, &mailbox, &["user", "reset-password", "--link", "alice"]);
    let link = printed.strip_prefix(server.issuer()).expect("because it is ours").to_owned();
    set_on_page(&server, &link, true).await;
    assert_eq!(server.count("users WHERE username = 'alice' AND email_verified_at IS NULL").await, 1);
    assert_eq!((server.count("passkeys").await, server.count("totp_factors").await), (0, 0));
}

/// Somebody who signed up by the page and did not confirm the address.
async fn signed_up(server: &Server, username: &str) -> Browser {
    let mut browser = server.browser();
    let page = browser.open("/register").await;
    let form = page.form_with("Create account").fill("username", username).fill("password", PASSWORD);
    let page = browser.submit(form.fill("email", "owner@people.example")).await;
    assert_eq!(page.heading(), "Your account", "{}", page.text());
    browser
}

#[actix_web::test]
async fn before_an_address_is_proven_every_door_to_factors_and_apps_is_shut() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    // Forms from before, as somebody who read our pages writes them.
    let mut root = server.browser();
    root.sign_in("root").await;
    let totp = root.open("/account/security/totp").await;
    let offer = totp.form_with("Set it up").value("offer").expect("because the form carries it").to_owned();
    let mut stranger = signed_up(&server, "stranger").await;
    let owner = server.person_named("stranger").await;
    let app = server.register(By::Operator(owner.id), confidential()).await;
    let own = format!("/developer/apps/{}", app.client_id());
    let made = "client_name=Mine&client_type=confidential&redirect_uris=https%3A%2F%2Fmine.example%2Fcb&once=x";
    for path in ["/account/security/totp", "/account/security/passkeys/new", "/developer/apps/new"] {
        let page = stranger.open(path).await;
        assert_eq!((page.status, page.heading().as_str()), (403, "Confirm your e-mail address first"), "{path}");
    }
    for (path, body) in [
        ("/account/security/totp".to_owned(), format!("offer={offer}&code=000000")),
        ("/account/security/passkeys/new".to_owned(), "name=x".to_owned()),
        ("/account/security/recovery-codes".to_owned(), String::new()),
        ("/developer/apps/new".to_owned(), made.to_owned()),
        (own.clone(), made.to_owned()),
        (format!("{own}/secrets/new"), "keep_old_for=0&once=y".to_owned()),
    ] {
        let status = stranger.bare(Method::POST, &path, FORM, &body).await.status;
        assert!([303, 400, 403].contains(&status), "{path}: {status}");
    }
    for table in ["totp_factors", "passkeys", "recovery_codes"] {
        assert_eq!(server.count(table).await, 0, "{table}");
    }
    assert_eq!((server.count("clients").await, server.count("client_secrets").await), (1, 1), "the operator's alone");
    let text = stranger.open("/developer").await.text();
    assert!(text.contains("Confirm your e-mail address first") && !text.contains("Register an app"), "{text}");
    // Once it is proven they open.
    let link = mailbox.take(&server).await.into_iter().find(|message| message.to == "owner@people.example");
    let page = stranger.open(&link.expect("because it was mailed").link()).await;
    stranger.submit(page.form_with("Confirm address").fill("password", PASSWORD)).await;
    stranger.add_passkey(&server).await;
    stranger.set_up_app(&server).await;
    assert_eq!(stranger.open("/developer/apps/new").await.status, 200);
}

/// A ceremony that is right in all but the address.
#[actix_web::test]
async fn a_passkey_and_an_app_are_refused_where_they_are_written_too() {
    let (server, _mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let mut authenticator = Authenticator::new(&server);
    let new_passkey = alice.open("/account/security/passkeys/new").await;
    let new_app = alice.open("/account/security/totp").await;
    doubt_address(&server).await;
    let page = alice.submit(authenticator.create(&new_passkey)).await;
    assert!(page.alert().contains("Confirm your e-mail address first"), "{}", page.text());
    let app = harness::factors::Authenticator::reading(&new_app);
    let page = alice.submit(new_app.form_with("Set it up").fill("code", &app.code(server.now(), 0))).await;
    assert_eq!((page.status, page.heading().as_str()), (403, "Confirm your e-mail address first"));
    assert_eq!((server.count("passkeys").await, server.count("totp_factors").await), (0, 0));
}

#[actix_web::test]
async fn where_no_mail_is_sent_the_doors_are_open() {
    let server = harness::spawn_with(&[("public_url", "https://id.example")]).await;
    server.person("root").await;
    let mut browser = signed_up(&server, "bob").await;
    browser.set_up_app(&server).await;
    assert_eq!(browser.open("/developer/apps/new").await.status, 200);
    assert_eq!(server.count("totp_factors").await, 1);
}

/// The story of the attack, end to end.
#[actix_web::test]
async fn the_owner_of_an_address_takes_a_strangers_account_over_by_its_address_alone() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut stranger = signed_up(&server, "stranger").await;
    let token = server.log_in("stranger").await;
    mailbox.take(&server).await;
    server.nobody().post(RESET, &json!({ "email": "Owner@People.example" })).await.success();
    let key = mailbox.take_one(&server).await.key();
    let body = json!({ "token": key, "newPassword": NEW });
    server.nobody().post("/v3/account/security/password/validate", &body).await.success();
    assert_eq!(stranger.open("/account").await.heading(), "Log in");
    assert!(!is_valid(&server, token.token()).await);
    let body = json!({ "username": "owner@people.example", "password": NEW });
    let owner = server.nobody().post("/v3/account/login", &body).await.member("token");
    let account: Value = server.program(&owner).get("/v3/account").await.success();
    assert_eq!(account["email"], "owner@people.example");
}

/// What a stranger began before the password was set is written before it and ends with the rest, or after it
/// and is refused.
#[actix_web::test]
async fn what_is_under_way_while_the_password_is_set_leaves_nothing_behind() {
    for _ in 0..3 {
        let (server, mailbox) = spawn_with_mail(&[]).await;
        let mut stranger = server.signed_in("alice").await;
        let alice = server.person_named("alice").await;
        let app = server.register(By::Owner(alice.id), confidential()).await;
        let own = format!("/developer/apps/{}", app.client_id());
        let passkeys = stranger.open("/account/security/passkeys/new").await;
        let mut authenticator = Authenticator::new(&server);
        let passkey = authenticator.create(&passkeys);
        let totp = stranger.open("/account/security/totp").await;
        let code = harness::factors::Authenticator::reading(&totp).code(server.now(), 0);
        let totp = totp.form_with("Set it up").fill("code", &code);
        server.nobody().post(RESET, &json!({ "email": "alice" })).await.success();
        let messages = mailbox.take(&server).await;
        let link =
            messages.iter().find(|message| message.subject == "Set a new password").expect("because it was mailed");
        let body = json!({ "token": link.key(), "newPassword": NEW });
        let mut forms = vec![
            ("/account/security/passkeys/new".to_owned(), passkey.encode()),
            ("/account/security/totp".to_owned(), totp.encode()),
        ];
        for number in 0..4 {
            let made = "client_name=Mine&client_type=confidential&redirect_uris=https%3A%2F%2Fmine.example%2Fcb";
            forms.push(("/developer/apps/new".to_owned(), format!("{made}&once=a{number}")));
            forms.push((format!("{own}/secrets/new"), format!("keep_old_for=604800&once=b{number}")));
        }
        let mut hands: Vec<Browser> = forms.iter().map(|_| stranger.copy()).collect();
        let sent = hands.iter_mut().zip(&forms).map(|(hand, (path, body))| hand.bare(Method::POST, path, FORM, body));
        let nobody = server.nobody();
        let set = nobody.post("/v3/account/security/password/validate", &body);
        let (answers, set) = futures_util::future::join(futures_util::future::join_all(sent), set).await;
        set.success();
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        for table in ["passkeys", "totp_factors", "recovery_codes", "client_secrets WHERE expires_at IS NULL"] {
            assert_eq!(server.count(table).await, 0, "{table}: {statuses:?}");
        }
        let later = server.now().seconds();
        assert_eq!(server.count(&format!("client_secrets WHERE expires_at > {later}")).await, 0, "{statuses:?}");
    }
}
