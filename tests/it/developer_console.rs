//! The developer console: an application is registered, its secret shown once, changed, rolled, deleted,
//! by its owner and by nobody else.

use actix_web::http::Method;
use gatepost::oauth::clients::By;

use crate::harness::application::{basic, s256};
use crate::harness::browser::Browser;
use crate::harness::html::{Form, Page};
use crate::harness::http::encode;
use crate::harness::pages::log_in_path;
use crate::harness::{self, Server, confidential, public, random_word};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn new_app_form(browser: &mut Browser) -> Form {
    let page = browser.open("/developer").await;
    let page = browser.open(&page.link("Register an app")).await;
    page.form_with("Register app").fill("client_name", "Atlas").fill("redirect_uris", "https://atlas.example/callback")
}

fn client_id(page: &Page) -> String {
    page.one("#client-id")
}

/// What the token endpoint says to a client: whether its secret is right shows in the error.
async fn knows_secret(server: &Server, client_id: &str, secret: &str) -> bool {
    let credentials = basic(client_id, secret);
    let form = [("grant_type", "authorization_code"), ("code", "x")];
    let (status, error) = server.http.post("/oauth/token", &[("authorization", &credentials)], &form).await.error();
    match (status, error.as_str()) {
        (400, "invalid_grant") => true,
        (401, "invalid_client") => false,
        other => panic!("{other:?}"),
    }
}

#[actix_web::test]
async fn an_application_with_a_secret_is_registered_and_its_secret_shown_once_works() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let form = new_app_form(&mut alice).await.choose("client_type", "confidential");
    let page = alice.submit(form).await;
    let (client_id, secret) = (client_id(&page), page.secret());
    assert!(secret.starts_with("gpk_") && knows_secret(&server, &client_id, &secret).await);
    assert!(page.text().contains("has a secret, PKCE required") && page.text().contains("Not verified"));
    let verifier = random_word(64);
    let query = encode(&[
        ("response_type", "code"),
        ("client_id", &client_id),
        ("code_challenge", &s256(&verifier)),
        ("code_challenge_method", "S256"),
    ]);
    let page = alice.open(&format!("/oauth/authorize?{query}")).await;
    assert!(page.text().contains("Not verified") && page.text().contains("alice"), "{}", page.text());
    let page = alice.submit(page.form_with("Allow")).await;
    let code = harness::http::parameter(page.away(), "code").expect("because the person agreed");
    let form = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", &verifier)];
    let answer = server.http.post("/oauth/token", &[("authorization", &basic(&client_id, &secret))], &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    for path in ["/developer".to_owned(), format!("/developer/apps/{client_id}")] {
        let page = alice.open(&path).await;
        assert!(!page.html.contains(&secret) && page.all("[data-secret]").is_empty(), "{path}: shown once");
    }
    let page = alice.open(&format!("/developer/apps/{client_id}")).await;
    assert!(page.text().contains(&format!("…{}", &secret[secret.len() - 4..])), "{}", page.text());
}

#[actix_web::test]
async fn an_application_without_a_secret_gets_none() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let form = new_app_form(&mut alice).await.choose("client_type", "public");
    let page = alice.submit(form).await;
    assert_eq!((page.status, page.all("[data-secret]").len()), (200, 0));
    assert!(page.text().contains("has no secret") && !page.text().contains("Make a new secret"), "{}", page.text());
    let path = format!("/developer/apps/{}/secrets/new", client_id(&page));
    let answer = alice.bare(Method::POST, &path, &[FORM, ("sec-fetch-site", "same-origin")], "keep_old_for=0").await;
    assert_eq!(answer.status, 404);
    assert_eq!(server.count("client_secrets").await, 0);
}

#[actix_web::test]
async fn every_problem_is_named_at_once_and_what_was_typed_is_kept() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let redirect_uris = "javascript:alert(1)\nhttp://app.example/cb\nhttps://ok.example/cb\nhttps://*.example/\n\
                         https://u@app.example/\nhttps://app.example/#x\ncom.example.app:/cb";
    let return_urls =
        "https://*.app.example/in\nhttps://app.example./\nhttp://app.example/in\nhttps://app.example/a/../b";
    let form = new_app_form(&mut alice).await.choose("client_type", "confidential");
    let form = form.fill("client_name", "Official\u{202e}").fill("redirect_uris", redirect_uris);
    let page = alice.submit(form.fill("login_return_urls", return_urls)).await;
    assert_eq!(page.status, 400);
    assert_eq!(page.all("#client_name-problem p").len(), 1);
    assert_eq!(page.all("#redirect_uris-problem p").len(), 6, "{}", page.text());
    assert_eq!(page.all("#login_return_urls-problem p").len(), 4, "{}", page.text());
    assert_eq!(page.one("#login_delivery-problem"), "Choose how your page gets the token.");
    let kept = page.form_with("Register app");
    assert_eq!(kept.value("redirect_uris").map(|text| text.lines().count()), Some(7));
    assert_eq!(server.count("clients").await, 0);
}

#[actix_web::test]
async fn nothing_can_be_set_that_the_form_does_not_offer() {
    let server = harness::spawn().await;
    let bob = server.person("bob").await;
    let mut alice = server.signed_in("alice").await;
    let smuggled = [
        ("owner_id", bob.id.number().to_string()),
        ("verified_at", "1".to_owned()),
        ("is_verified", "true".to_owned()),
        ("is_first_party", "true".to_owned()),
        ("first_party", "true".to_owned()),
        ("client_secret", "mine".to_owned()),
        ("client_id", "mine".to_owned()),
        ("scope", "everything".to_owned()),
        ("skip_consent", "true".to_owned()),
        ("grant_types", "password".to_owned()),
        ("require_pkce", "false".to_owned()),
        ("allow_plain_pkce", "true".to_owned()),
        ("login_token_lifetime", "999999999".to_owned()),
    ];
    let pairs: Vec<(&str, &str)> = smuggled.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let body = format!("{}&{}", new_app_form(&mut alice).await.encode(), encode(&pairs));
    let own = [FORM, ("sec-fetch-site", "same-origin")];
    assert_eq!(alice.bare(Method::POST, "/developer/apps/new", &own, &body).await.status, 200);
    let rows = "clients WHERE verified_at IS NULL AND is_first_party = FALSE AND scope = 'projects' AND require_pkce \
                AND NOT allow_plain_pkce AND login_token_lifetime IS NULL AND client_id <> 'mine' \
                AND grant_types = 'authorization_code refresh_token'";
    assert_eq!(server.count(&format!("{rows} AND owner_id <> {}", bob.id.number())).await, 1);
    for (field, value) in [("client_type", "root"), ("login_delivery", "pigeon")] {
        let body = encode(&[("client_name", "Atlas"), (field, value)]);
        let answer = alice.bare(Method::POST, "/developer/apps/new", &own, &body).await;
        assert_eq!(answer.status, 400, "{field}");
    }
}

#[actix_web::test]
async fn rolling_the_secret_keeps_the_old_one_as_long_as_its_owner_says() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let form = new_app_form(&mut alice).await;
    let page = alice.submit(form).await;
    let (id, first) = (client_id(&page), page.secret());
    let page = alice.submit(page.form_with("Make a new secret").choose("keep_old_for", "86400")).await;
    let second = page.secret();
    assert_ne!(first, second);
    assert!(knows_secret(&server, &id, &first).await && knows_secret(&server, &id, &second).await, "both for a day");
    server.advance(86_399);
    assert!(knows_secret(&server, &id, &first).await);
    server.advance(1);
    assert!(!knows_secret(&server, &id, &first).await && knows_secret(&server, &id, &second).await);
    alice.confirm().await;
    let page = alice.open(&format!("/developer/apps/{id}")).await;
    let page = alice.submit(page.form_with("Make a new secret").choose("keep_old_for", "604800")).await;
    let third = page.secret();
    let page = alice.submit(page.form_with("Make a new secret").choose("keep_old_for", "604800")).await;
    let fourth = page.secret();
    let mut known = Vec::new();
    for secret in [&first, &second, &third, &fourth] {
        known.push(knows_secret(&server, &id, secret).await);
    }
    assert_eq!(known, [false, false, true, true], "at most two open at once");
    let page = alice.submit(page.form_with("Make a new secret").choose("keep_old_for", "0")).await;
    assert!(!knows_secret(&server, &id, &fourth).await && knows_secret(&server, &id, &page.secret()).await);
    let last_four = page.secret()[page.secret().len() - 4..].to_owned();
    let page = alice.submit(page.form_with(&format!("End the secret that ends in {last_four}"))).await;
    assert!(page.text().contains("No secret. Make one"), "{}", page.text());
}

#[actix_web::test]
async fn its_owner_lets_it_log_in_devices_and_stops_that_again() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let form = new_app_form(&mut alice).await;
    let page = alice.submit(form).await;
    let path = format!("/developer/apps/{}", client_id(&page));
    let before = ["authorization_code", "refresh_token"].map(str::to_owned).to_vec();
    let device = "urn:ietf:params:oauth:grant-type:device_code".to_owned();
    let grants = async || {
        let id = path.rsplit('/').next().unwrap_or_default().to_owned();
        let found = server.read(move |db| gatepost::store::clients::find_by_client_id(db, &id)).await;
        found.expect("because it was registered").grant_types.to_vec()
    };
    assert_eq!(grants().await, before);
    let page = alice.open(&path).await;
    alice.submit(page.form_with("Save changes").choose("on_devices", "true")).await;
    assert_eq!(grants().await, [before.clone(), vec![device.clone()]].concat());
    let page = alice.open(&path).await;
    alice.submit(page.form_with("Save changes")).await;
    assert_eq!(grants().await.len(), 3, "saving something else keeps it");
    let page = alice.open(&path).await;
    alice.submit(page.form_with("Save changes").untick("on_devices")).await;
    assert_eq!(grants().await, before);
    // The operator left it the devices alone.
    let sql = format!("UPDATE clients SET grant_types = '{device}' WHERE client_id = '{}'", client_id(&page));
    server.write(move |tx| harness::execute(tx, &sql)).await;
    let page = alice.open(&path).await;
    let page = alice.submit(page.form_with("Save changes").untick("on_devices")).await;
    assert!(page.text().contains("needs one way at least to get tokens"), "{}", page.text());
    assert_eq!(grants().await, [device], "nothing comes back that was withheld");
}

#[actix_web::test]
async fn an_overlap_is_a_week_at_most_and_noise_is_none() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let form = new_app_form(&mut alice).await;
    let page = alice.submit(form).await;
    let (id, mut current) = (client_id(&page), page.secret());
    let path = format!("/developer/apps/{id}/secrets/new");
    for (keep, week, is_kept) in [("9223372036854775807", 604_799, true), ("-1", 0, false), ("soon", 0, false)] {
        let body = encode(&[("keep_old_for", keep)]);
        let answer = alice.bare(Method::POST, &path, &[FORM, ("sec-fetch-site", "same-origin")], &body).await;
        assert_eq!(answer.status, 200, "{keep}");
        server.advance(week);
        assert_eq!(knows_secret(&server, &id, &current).await, is_kept, "{keep}");
        server.advance(1);
        assert!(!knows_secret(&server, &id, &current).await, "{keep}");
        if week > 0 {
            alice.confirm().await;
        }
        let start = answer.text().find("gpk_").expect("because it is shown");
        current = answer.text()[start..start + current.len()].to_owned();
        assert!(knows_secret(&server, &id, &current).await);
    }
}

#[actix_web::test]
async fn changed_addresses_count_at_once() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let form = new_app_form(&mut alice).await.fill("login_return_urls", "https://atlas.example/in");
    let page = alice.submit(form.choose("login_delivery", "query")).await;
    let id = client_id(&page);
    let form = page.form_with("Save changes").fill("client_name", "Atlas 2").choose("login_delivery", "fragment");
    let form = form.fill("redirect_uris", "https://new.example/cb").fill("login_return_urls", "https://new.example/in");
    let page = alice.submit(form.untick("require_pkce")).await;
    assert!(page.one("[role=status].notice").contains("Saved"), "{}", page.text());
    assert!(page.text().contains("Atlas 2") && !page.text().contains("PKCE required"), "{}", page.text());
    assert_eq!(alice.open(&log_in_path("https://atlas.example/in")).await.status, 400);
    assert!(alice.come_back_to("https://new.example/in").await.starts_with("https://new.example/in#token="));
    let ask = |uri: &str| {
        let query = encode(&[("response_type", "code"), ("client_id", &id), ("redirect_uri", uri)]);
        format!("/oauth/authorize?{query}")
    };
    assert_eq!(alice.open(&ask("https://atlas.example/callback")).await.status, 400);
    assert_eq!(alice.open(&ask("https://new.example/cb")).await.heading(), "Allow this app?");
    let page = alice.open(&format!("/developer/apps/{id}")).await;
    let page = alice.submit(page.form_with("Save changes").fill("redirect_uris", "javascript:alert(1)")).await;
    assert_eq!(page.status, 400);
    assert_eq!(page.form_with("Save changes").value("redirect_uris"), Some("javascript:alert(1)"), "it can be mended");
    assert_eq!(alice.open(&ask("https://new.example/cb")).await.status, 200, "and nothing was changed");
}

#[actix_web::test]
async fn deleting_wants_the_name_and_signs_everybody_out() {
    let server = harness::spawn().await;
    let owner = server.person("alice").await;
    let app = server.register(By::Owner(owner.id), confidential()).await;
    let mut alice = server.browser();
    alice.sign_in("alice").await;
    let tokens = app.tokens(&mut server.signed_in("bob").await).await;
    let path = format!("/developer/apps/{}", app.client_id());
    let page = alice.open(&path).await;
    assert!(page.text().contains("1 person will be signed out"), "{}", page.text());
    let page = alice.submit(page.form_with("Delete app").fill("confirm", "Map")).await;
    assert_eq!(page.status, 400);
    assert!(app.is_active(&tokens.access_token).await);
    let page = alice.submit(page.form_with("Delete app").fill("confirm", " map STUDIO ")).await;
    assert_eq!((page.url.path(), page.text().contains("Map studio")), ("/developer", false));
    assert_eq!(server.account_status(&tokens.access_token).await, 401);
    assert_eq!(app.refresh(tokens.refresh()).await.expect_err("because it is gone").1, "invalid_client");
    assert_eq!(alice.open(&path).await.status, 404);
    assert_eq!(alice.open(&app.request().path()).await.status, 400);
    assert_eq!(server.count("consents").await, 0);
}

#[actix_web::test]
async fn another_persons_application_is_like_none() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut mallory = server.signed_in("mallory").await;
    let secret = server.count("client_secrets").await;
    let own = [FORM, ("sec-fetch-site", "same-origin")];
    let key = {
        let id = app.client.id;
        server.read(move |db| gatepost::store::client_secrets::list(db, harness::BEGIN, id)).await[0].id.number()
    };
    let mut answers = Vec::new();
    for id in [app.client_id(), "nobody"] {
        let base = format!("/developer/apps/{id}");
        let edit = "client_name=Mine&redirect_uris=https%3A%2F%2Fevil.test%2Fcb&login_delivery=query";
        for (method, path, body) in [
            (Method::GET, base.clone(), ""),
            (Method::GET, format!("{base}/log"), ""),
            (Method::POST, base.clone(), edit),
            (Method::POST, format!("{base}/secrets/new"), "keep_old_for=0"),
            (Method::POST, format!("{base}/secrets/{key}/end"), ""),
            (Method::POST, format!("{base}/delete"), "confirm=Map+studio"),
        ] {
            let answer = mallory.bare(method, &path, &own, body).await;
            assert_eq!(answer.status, 404, "{path}");
            let request_id = answer.header("x-request-id").expect("because every refusal names its request");
            answers.push(answer.text().replace(id, "ID").replace(request_id, "REQUEST"));
        }
    }
    let (of_another, of_nobody) = answers.split_at(6);
    assert_eq!(of_another, of_nobody, "nothing tells the two apart");
    assert!(knows_secret(&server, app.client_id(), app.secret()).await);
    assert_eq!(server.count("client_secrets").await, secret);
    assert_eq!(server.count("clients WHERE name = 'Map studio' AND deleted_at IS NULL").await, 1);
    assert!(!mallory.open("/developer").await.text().contains("Map studio"));
}

#[actix_web::test]
async fn without_mail_a_person_without_a_proven_address_owns_three_applications_and_others_fifty() {
    // Elsewhere than on this machine `log:` sends nothing, so no address can be proven.
    let server = harness::spawn_with(&[("public_url", "https://id.example")]).await;
    server.person("root").await;
    let mut alice = server.browser();
    let page = alice.open("/register").await;
    let form = page.form_with("Create account").fill("username", "alice").fill("email", "a@people.example");
    alice.submit(form.fill("password", harness::PASSWORD)).await;
    let one_too_many = new_app_form(&mut alice).await;
    for _ in 0..3 {
        let form = new_app_form(&mut alice).await;
        assert_eq!(alice.submit(form).await.status, 200);
    }
    let page = alice.submit(one_too_many).await;
    assert_eq!(page.status, 400);
    assert!(page.alert().contains("3 applications"), "{}", page.alert());
    assert!(!alice.open("/developer").await.text().contains("Register an app"));
    let bob = server.person("bob").await;
    for _ in 0..49 {
        server.register(By::Owner(bob.id), public()).await;
    }
    let mut browser = server.browser();
    browser.sign_in("bob").await;
    let (form, next) = (new_app_form(&mut browser).await, new_app_form(&mut browser).await);
    assert_eq!(browser.submit(form).await.status, 200);
    assert_eq!(browser.submit(next).await.status, 400);
    assert_eq!(server.count("clients").await, 53);
}

#[actix_web::test]
async fn a_form_that_is_sent_again_registers_nothing_and_leads_to_what_it_made() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let form = new_app_form(&mut alice).await;
    let first = alice.submit(form.clone()).await;
    let again = alice.submit(form).await;
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(server.count("clients").await, 1);
    assert!(first.text().contains("Your new secret") && !again.text().contains("Your new secret"));
}

#[actix_web::test]
async fn a_name_is_text_wherever_it_is_shown() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let evil = "\"><script>alert(1)</script><img src=x>{{7*7}}";
    let form = new_app_form(&mut alice).await.fill("client_name", evil);
    let form = form.fill("login_return_urls", "https://atlas.example/in").choose("login_delivery", "query");
    let page = alice.submit(form).await;
    let id = client_id(&page);
    alice.come_back_to("https://atlas.example/in").await;
    let query = encode(&[
        ("response_type", "code"),
        ("client_id", &id),
        ("code_challenge", &s256("x")),
        ("code_challenge_method", "S256"),
    ]);
    for path in [
        "/developer",
        &format!("/developer/apps/{id}"),
        &format!("/oauth/authorize?{query}"),
        "/login?referer=https://atlas.example/in%23x",
        "/account/sessions",
        "/account/apps",
    ] {
        let page = alice.open(path).await;
        assert!(page.text().contains(evil), "{path}: {}", page.text());
        assert!(page.all("main script, main img").is_empty(), "{path}");
    }
}
