//! What was refused to an application: the world hears the public error and the name of the request, the
//! application's owner finds the exact cause by it, and nobody else does (`docs/decisions/0031-errors.md`).

use actix_web::http::Method;
use gatepost::background_jobs;
use gatepost::domain::client::LoginDelivery;
use gatepost::domain::registration::Draft;
use gatepost::oauth::clients::By;

use crate::harness::application::{Application, basic};
use crate::harness::browser::Browser;
use crate::harness::http::Answer;
use crate::harness::pages::{RETURN_URL, in_fragment, log_in_path_with, returns_to};
use crate::harness::{self, Server, confidential, public, random_word};

struct House {
    server: Server,
    app: Application,
    owner: Browser,
}

async fn with(draft: Draft) -> House {
    let server = harness::spawn().await;
    let owner = server.signed_in("olga").await;
    let olga = server.person_named("olga").await;
    let app = server.register(By::Operator(olga.id), draft).await;
    House { server, app, owner }
}

fn request_id(answer: &Answer) -> String {
    answer.header("x-request-id").expect("because every refusal names its request").to_owned()
}

impl House {
    fn log(&self) -> String {
        format!("/developer/apps/{}/log", self.app.client_id())
    }

    /// What the owner reads of one request.
    async fn line_of(&mut self, request_id: &str) -> String {
        self.server.flush_refusals().await;
        let page = self.owner.open(&format!("{}?request_id={request_id}", self.log())).await;
        assert_eq!(page.status, 200);
        page.text()
    }

    async fn token_error(&self, form: &[(&str, &str)]) -> Answer {
        let answer = self.app.post("/oauth/token", form).await;
        assert!(answer.status >= 400, "{}", answer.text());
        answer
    }
}

#[actix_web::test]
async fn the_owner_finds_the_exact_cause_by_the_request_and_nobody_else_does() {
    let mut house = with(confidential()).await;
    let mut alice = house.server.signed_in("alice").await;
    let granted = house.app.code(&mut alice).await;
    let wrong = random_word(64);
    let mut form = house.app.exchange_form(&granted);
    form.iter_mut().filter(|(name, _)| name == "code_verifier").for_each(|(_, value)| value.clone_from(&wrong));
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    let answer = house.token_error(&form).await;
    assert_eq!(answer.error(), (400, "invalid_grant".to_owned()));
    assert!(!answer.text().contains("code_verifier"), "the public answer does not say which part: {}", answer.text());
    let text = house.line_of(&request_id(&answer)).await;
    assert!(text.contains("invalid_grant") && text.contains("code_verifier"), "{text}");
    assert!(text.contains("/oauth/token") && !text.contains("Not proven"), "{text}");
    let page = house.owner.open(&house.log()).await;
    for secret in [&*granted.code, house.app.secret(), &wrong] {
        assert!(!page.html.contains(secret), "a secret stands in the log");
    }
    let log = house.log();
    assert_eq!(alice.open(&log).await.status, 404, "somebody else's application is like none");
    assert_eq!(alice.open("/developer/apps/nobody/log").await.status, 404);
    let page = house.owner.open(&format!("{log}?request_id=unknown")).await;
    assert!(page.text().contains("Nothing is kept under this ID"), "{}", page.text());
}

#[actix_web::test]
async fn who_did_not_prove_to_be_the_app_is_told_apart() {
    let mut house = with(confidential()).await;
    let form = [("grant_type", "authorization_code"), ("code", "x")];
    let answer = house.token_error(&form).await;
    let text = house.line_of(&request_id(&answer)).await;
    assert!(text.contains("invalid_grant") && !text.contains("Not proven"), "{text}");
    let id = house.app.client_id().to_owned();
    let stranger = [("authorization", basic(&id, "gpk_wrong"))];
    let stranger: Vec<(&str, &str)> = stranger.iter().map(|(name, value)| (*name, &**value)).collect();
    let answer = house.server.http.post("/oauth/token", &stranger, &form).await;
    assert_eq!(answer.status, 401);
    let text = house.line_of(&request_id(&answer)).await;
    assert!(text.contains("invalid_client") && text.contains("Not proven"), "{text}");
    let mut open = with(public()).await;
    let answer = open.token_error(&form).await;
    let text = open.line_of(&request_id(&answer)).await;
    assert!(text.contains("invalid_grant") && text.contains("Not proven"), "who has no secret proves nothing: {text}");
}

#[actix_web::test]
async fn every_endpoint_of_applications_writes_its_line() {
    let mut house = with(confidential()).await;
    let app = house.app.clone();
    let id = app.client_id().to_owned();
    for (path, form, cause) in [
        ("/oauth/token", vec![("scope", "projects")], "grant_type is missing"),
        ("/v3/oauth/token", vec![("grant_type", "password")], "grant_type is unknown"),
        ("/oauth/token", vec![("grant_type", "x"), ("grant_type", "y")], "grant_type was sent more than once"),
        ("/oauth/par", vec![("redirect_uri", "https://app.example/callback")], "response_type is missing"),
        ("/oauth/device", vec![], "did not register the device grant"),
        ("/oauth/revoke", vec![("token_type_hint", "x")], "token is missing"),
        ("/oauth/introspect", vec![("token_type_hint", "x")], "token is missing"),
    ] {
        let answer = app.post(path, &form).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        let text = house.line_of(&request_id(&answer)).await;
        assert!(text.contains(cause) && text.contains(path), "{path}: {text}");
    }
    let request = app.request().with("code_challenge_method", "S257");
    let answer = house.server.http.get(&request.path()).await;
    assert_eq!(answer.status, 303, "the operator's application hears it at once");
    let text = house.line_of(&request_id(&answer)).await;
    assert!(text.contains("the code_challenge_method is unknown"), "{text}");
    let answer = house.server.http.get(&app.request().with("redirect_uri", "https://other.example/").path()).await;
    let name = request_id(&answer);
    assert!(answer.status == 400 && answer.text().contains(&name), "the page shows the name of its request");
    let text = house.line_of(&name).await;
    assert!(text.contains("redirect_uri is not registered") && !text.contains("other.example"), "{text}");
    let answer = house.server.http.get(&format!("/oauth/authorize?client_id={id}&client_id=b")).await;
    assert_eq!((answer.status, house.server.http.get("/oauth/authorize?client_id=b").await.status), (400, 400));
    let mut alice = house.server.signed_in("alice").await;
    let tokens = app.tokens(&mut alice).await;
    let answer = house.server.http.get_with_token("/oauth/userinfo", &tokens.access_token).await;
    let text = house.line_of(&request_id(&answer)).await;
    assert!(text.contains("without the scope that this address needs") && text.contains("Not proven"), "{text}");
}

#[actix_web::test]
async fn the_login_redirect_and_the_swap_of_its_code_write_theirs() {
    let draft = Draft { login_delivery: LoginDelivery::Code, ..returns_to(&[RETURN_URL]) };
    let mut house = with(draft).await;
    let answer = house.server.http.get(&log_in_path_with(RETURN_URL, &[])).await;
    assert_eq!(answer.status, 400);
    let text = house.line_of(&request_id(&answer)).await;
    assert!(text.contains("no S256 code_challenge came") && text.contains("/login"), "{text}");
    let mut alice = house.server.signed_in("alice").await;
    let challenge = crate::harness::application::s256(&random_word(64));
    let page = alice.open(&log_in_path_with(RETURN_URL, &[("code_challenge", &challenge)])).await;
    let page = alice.press_continue(&page).await;
    let code = in_fragment(page.away(), "login_code").expect("because she agreed");
    let body = serde_json::json!({ "login_code": code, "code_verifier": random_word(64) }).to_string();
    let headers = [("content-type", "application/json"), ("origin", "https://app.example")];
    let answer = house.server.http.send(Method::POST, "/login/code", &headers, body).await;
    assert_eq!(answer.status, 400);
    let text = house.line_of(&request_id(&answer)).await;
    assert!(text.contains("the code_verifier does not fit") && text.contains("/login/code"), "{text}");
}

#[actix_web::test]
async fn a_step_of_a_flow_is_no_line() {
    let mut house = with(confidential()).await;
    let answer = house.server.http.get(&house.app.request().with("prompt", "none").path()).await;
    assert!(answer.location().is_some_and(|location| location.contains("error=login_required")));
    let mut alice = house.server.signed_in("alice").await;
    let page = alice.open(&house.app.request().path()).await;
    alice.submit(page.decision("deny")).await;
    house.server.flush_refusals().await;
    assert_eq!(house.server.count("refusals").await, 0);
    let page = house.owner.open(&house.log()).await;
    assert!(page.text().contains("Nothing was refused"), "{}", page.text());
}

#[actix_web::test]
async fn a_flood_for_one_application_is_bounded_counted_and_pushes_no_other_line_out() {
    let mut house = with(public()).await;
    let olga = house.server.person_named("olga").await;
    let other = house.server.register(By::Operator(olga.id), confidential()).await;
    let form = [("grant_type", "authorization_code"), ("code", "x")];
    let unknown = [("client_id", "nobody"), ("grant_type", "authorization_code"), ("code", "x")];
    for _ in 0..25 {
        house.token_error(&form).await;
        house.server.http.post("/oauth/token", &[], &unknown).await;
    }
    other.post("/oauth/token", &form).await;
    house.server.flush_refusals().await;
    let key = house.app.client.id.number();
    assert_eq!(house.server.count(&format!("refusals WHERE client_key = {key}")).await, 10);
    assert_eq!(house.server.count("refusals").await, 11, "the other application's line, and none of nobody");
    let page = house.owner.open(&house.log()).await;
    assert!(page.text().contains("And 15 more in that second"), "{}", page.text());
    for _ in 0..10 {
        for _ in 0..10 {
            house.token_error(&form).await;
        }
        house.server.flush_refusals().await;
    }
    assert_eq!(house.server.count(&format!("refusals WHERE client_key = {key}")).await, 100, "the newest are kept");
    house.server.advance(30 * 86_400 + 1);
    house.token_error(&form).await;
    house.server.flush_refusals().await;
    while background_jobs::clean(&house.server.app.store, house.server.now()).await.expect("because the store works")
        > 0
    {}
    assert_eq!(house.server.count("refusals").await, 1, "older lines are gone after 30 days");
}

#[actix_web::test]
async fn every_refusal_names_its_request_and_a_success_does_not() {
    let server = harness::spawn().await;
    for path in ["/nowhere", "/v3/account", "/oauth/userinfo", "/oauth/register"] {
        let answer = server.http.get(path).await;
        assert!(answer.status >= 400 && request_id(&answer).len() == 22, "{path}");
    }
    let answer = server.http.get("/oauth/jwks").await;
    assert_eq!((answer.status, answer.header("x-request-id")), (200, None));
    let headers = [("origin", "https://spa.example"), ("content-type", "application/x-www-form-urlencoded")];
    let answer = server.http.send(Method::POST, "/oauth/token", &headers, "grant_type=x").await;
    let exposed = answer.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
    assert!(exposed.contains("x-request-id"), "a browser app can read it: {exposed}");
}
