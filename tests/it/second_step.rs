//! The second step of signing in: what a right password alone opens (nothing), which codes count, how often
//! one may try, and that everybody ends where they were going.

use serde_json::json;

use crate::harness::factors::Equipped;
use crate::harness::pages::{RETURN_URL, log_in_path, returns_to};
use crate::harness::{self, PASSWORD, confidential};

#[actix_web::test]
async fn a_right_password_opens_nothing_until_the_code_is_shown() {
    let server = harness::spawn().await;
    let Equipped { app, .. } = server.equipped("alice").await;
    let before = server.sessions().await;
    let mut thief = server.browser();
    let page = thief.first_step("/login", "alice").await;
    assert!(thief.cookies().is_empty(), "a step is no session: {:?}", thief.cookies());
    assert_eq!(server.sessions().await, before);
    for path in ["/account", "/account/security", "/account/tokens/new", "/device"] {
        assert_eq!(thief.open(path).await.heading(), "Log in", "{path}");
    }
    let key = page.form_with("Log in").value("step").expect("because the form carries it").to_owned();
    assert!(!page.url.as_str().contains(&key), "the key is in no address");
    let page = thief.second_step(&page, &app.code(server.now(), 0)).await;
    assert_eq!((page.status, page.url.path()), (200, "/account"));
    assert_eq!(server.sessions().await, before + 1);
    assert_eq!(thief.cookies().len(), 1, "nobody asked to be remembered");
}

#[actix_web::test]
async fn an_app_gets_no_code_while_another_tab_waits_at_the_second_step() {
    let server = harness::spawn().await;
    let client = server.application(confidential()).await;
    let Equipped { app, .. } = server.equipped("alice").await;
    let mut browser = server.browser();
    let (first, second) = (client.request(), client.request());
    let waiting = browser.first_step(&first.path(), "alice").await;
    let page = browser.open(&second.path()).await;
    assert_eq!((page.away.as_deref(), page.heading().as_str()), (None, "Log in"), "docs/threat-model.md#b18");
    assert_eq!(server.count("authorization_codes").await, 0);
    assert!(waiting.text().contains("to continue to Map studio"), "{}", waiting.text());
    let page = browser.second_step(&waiting, &app.code(server.now(), 0)).await;
    assert_eq!(page.heading(), "Allow this app?");
    let page = browser.submit(page.form_with("Allow")).await;
    first.granted(page.away());
    // The other tab goes on too, with its own state.
    second.approve(&mut browser).await;
}

#[actix_web::test]
async fn the_person_goes_on_to_where_the_app_had_sent_them_and_cancel_leads_back() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let Equipped { app, .. } = server.equipped("alice").await;
    let path = log_in_path(RETURN_URL);
    let mut browser = server.browser();
    let page = browser.first_step(&path, "alice").await;
    let page = browser.submit(page.form_with("Cancel")).await;
    assert!(page.away().starts_with(&format!("{RETURN_URL}?error=access_denied")), "{}", page.away());
    let page = browser.first_step(&path, "alice").await;
    let other = browser.open(&page.link("Use another account")).await;
    assert_eq!(other.heading(), "Log in");
    let page = browser.second_step(&page, &app.code(server.now(), 0)).await;
    let page = browser.press_continue(&page).await;
    assert!(page.away().starts_with(&format!("{RETURN_URL}?token=gpu_")), "{}", page.away());
}

#[actix_web::test]
async fn a_code_counts_a_minute_around_its_time_and_once() {
    let server = harness::spawn().await;
    let Equipped { app, .. } = server.equipped("alice").await;
    server.advance(300);
    for (skew, is_taken) in [(-90, false), (90, false), (-60, true), (-30, true), (0, true), (30, true), (60, true)] {
        let mut browser = server.browser();
        let page = browser.first_step("/login", "alice").await;
        let page = browser.second_step(&page, &app.code(server.now(), skew)).await;
        assert_eq!(page.status, if is_taken { 200 } else { 400 }, "{skew}: {}", page.text());
    }
    // The newest was taken: it, and those before it, are over (an authenticator whose clock goes back).
    for skew in [60, 30, 0, -30] {
        let mut browser = server.browser();
        let page = browser.first_step("/login", "alice").await;
        let page = browser.second_step(&page, &app.code(server.now(), skew)).await;
        assert_eq!(page.status, 400, "{skew}");
        assert!(page.alert().contains("used already"), "{}", page.alert());
    }
}

#[actix_web::test]
async fn codes_are_read_with_spaces_and_dashes_and_what_is_no_code_is_not_counted() {
    let server = harness::spawn().await;
    let Equipped { app, codes, .. } = server.equipped("alice").await;
    let mut browser = server.browser();
    let mut page = browser.first_step("/login", "alice").await;
    let long = "1".repeat(5_000);
    for text in ["", "   ", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "<script>", &long] {
        page = browser.second_step(&page, text).await;
        assert_eq!(page.status, 400, "{text}");
        assert!(page.alert().contains("six digits"), "{text}: {}", page.alert());
        assert_eq!(page.attributes("#code", "aria-invalid"), ["true"]);
        assert_eq!(page.form_with("Log in").value("code"), Some(""), "what was typed is not shown again");
    }
    assert_eq!(server.count("factor_failures").await, 0);
    let code = app.code(server.now(), 0);
    let page = browser.second_step(&page, &format!(" {}-{} ", &code[..3], &code[3..])).await;
    assert_eq!(page.url.path(), "/account");
    let mut browser = server.browser();
    let page = browser.first_step("/login", "alice").await;
    let page = browser.second_step(&page, &format!(" {}", codes[0].replace(' ', "-"))).await;
    assert_eq!(page.url.path(), "/account");
}

#[actix_web::test]
async fn a_recovery_code_works_once_and_only_for_its_person() {
    let server = harness::spawn().await;
    let Equipped { codes, .. } = server.equipped("alice").await;
    let Equipped { codes: of_bob, .. } = server.equipped("bob").await;
    for (code, status) in [(&codes[3], 200), (&codes[3], 400), (&of_bob[0], 400), (&codes[4], 200)] {
        let mut browser = server.browser();
        let page = browser.first_step("/login", "alice").await;
        assert_eq!(browser.second_step(&page, code).await.status, status);
    }
    assert_eq!(server.count("recovery_codes WHERE used_at IS NOT NULL").await, 2);
    assert_eq!(server.count("security_log WHERE event = 'recovery_codes.use'").await, 2);
}

#[actix_web::test]
async fn two_who_send_one_recovery_code_at_once_open_one_session() {
    let server = harness::spawn().await;
    let Equipped { codes, .. } = server.equipped("alice").await;
    let before = server.sessions().await;
    let mut tries = Vec::new();
    for _ in 0..5 {
        let mut browser = server.browser();
        let page = browser.first_step("/login", "alice").await;
        let code = codes[0].clone();
        tries.push(async move { browser.second_step(&page, &code).await.status });
    }
    let statuses = futures_util::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(server.sessions().await, before + 1);
}

#[actix_web::test]
async fn five_wrong_codes_end_a_step_and_ten_close_the_account_to_codes_for_a_while() {
    let server = harness::spawn().await;
    let Equipped { mut browser, app, codes } = server.equipped("alice").await;
    let mut thief = server.browser();
    for round in 0..2 {
        let mut page = thief.first_step("/login", "alice").await;
        for _ in 0..4 {
            page = thief.second_step(&page, &app.wrong(server.now())).await;
            assert_eq!((page.status, page.heading().as_str()), (400, "One more step"), "{round}");
        }
        let form = page.form_with("Log in").fill("code", &app.wrong(server.now()));
        let page = thief.submit(form).await;
        assert_eq!(page.heading(), "Log in", "the step is over");
        assert!(page.alert().contains("Type your password again"), "{}", page.alert());
    }
    // A hundred more do not help, and the right one neither: not on the page, not by program.
    let mut page = thief.first_step("/login", "alice").await;
    for _ in 0..100 {
        page = thief.second_step(&page, &app.wrong(server.now())).await;
        assert_eq!((page.status, page.header("retry-after")), (429, Some("900")));
    }
    for code in [&app.code(server.now(), 0), &codes[0]] {
        assert_eq!(thief.second_step(&page, code).await.status, 429);
    }
    let body = json!({ "username": "alice", "password": PASSWORD, "code": app.code(server.now(), 0) });
    server.nobody().post("/v3/account/login", &body).await.refusal(429);
    assert_eq!(server.count("factor_failures").await, 10, "what is not judged is not counted");
    assert_eq!(server.count("security_log WHERE event = 'sign_in.throttle'").await, 1);
    assert_eq!(browser.open("/account").await.status, 200, "who is signed in stays");
    server.advance(900);
    let page = thief.first_step("/login", "alice").await;
    assert_eq!(thief.second_step(&page, &app.code(server.now(), 0)).await.status, 200);
}

#[actix_web::test]
async fn a_stranger_without_the_password_closes_nothing() {
    let server = harness::spawn().await;
    let Equipped { app, .. } = server.equipped("alice").await;
    let mut browser = server.browser();
    let page = browser.first_step("/login", "alice").await;
    let real = page.form_with("Log in").value("step").expect("because the form carries it").to_owned();
    let others = [String::new(), "x".to_owned(), real.replace("gpt_", "gpb_"), "gpt_".repeat(16), real[1..].to_owned()];
    for step in others {
        for _ in 0..5 {
            let mut form = page.form_with("Log in").fill("code", "000000");
            form.replace(&[("code", "000000")]);
            let form = form.fill("step", &step);
            let mut stranger = server.browser();
            let page = stranger.submit(form).await;
            assert_eq!((page.status, page.heading().as_str()), (400, "Log in"), "{step}");
        }
    }
    assert_eq!(server.count("factor_failures").await, 0);
    assert_eq!(browser.second_step(&page, &app.code(server.now(), 0)).await.status, 200);
}

#[actix_web::test]
async fn ten_tabs_wait_at_once_and_each_goes_on() {
    let server = harness::spawn().await;
    let Equipped { app, codes, .. } = server.equipped("alice").await;
    let mut browser = server.browser();
    let mut tabs = Vec::new();
    for _ in 0..10 {
        // Each tab began before any other was finished.
        let mut tab = browser.copy();
        tabs.push(tab.first_step("/login?next=/account/apps", "alice").await);
    }
    let all = [app.code(server.now(), 0)].into_iter().chain(codes.into_iter().take(9));
    for (tab, code) in tabs.iter().zip(all) {
        let page = browser.second_step(tab, &code).await;
        assert_eq!((page.status, page.url.path()), (200, "/account/apps"), "{}", page.text());
    }
    assert_eq!(server.sessions().await, 2, "each session took the place of the one before");
    // A second click on a finished form leads on, too; the step cannot be used again.
    let page = browser.second_step(&tabs[0], &app.code(server.now(), 30)).await;
    assert_eq!((page.status, page.url.path()), (200, "/account/apps"));
    let page = server.browser().second_step(&tabs[0], &app.code(server.now(), 30)).await;
    assert_eq!((page.status, page.heading().as_str()), (400, "Log in"));
}

#[actix_web::test]
async fn a_step_ends_after_ten_minutes_and_with_the_password_it_was_begun_by() {
    let server = harness::spawn().await;
    let Equipped { app, .. } = server.equipped("alice").await;
    let mut late = server.browser();
    let page = late.first_step("/login", "alice").await;
    server.advance(600);
    let page = late.second_step(&page, &app.code(server.now(), 0)).await;
    assert_eq!((page.status, page.heading().as_str()), (400, "Log in"));
    let mut thief = server.browser();
    let page = thief.first_step("/login", "alice").await;
    let login = json!({ "username": "alice", "password": PASSWORD, "code": app.code(server.now(), 0) });
    let token = server.nobody().post("/v3/account/login", &login).await.member("token");
    let update = json!({ "oldPassword": PASSWORD, "newPassword": "another horse battery" });
    server.program(&token).post("/v3/account/security/password/update", &update).await.success();
    let page = thief.second_step(&page, &app.code(server.now(), 30)).await;
    assert_eq!((page.status, page.heading().as_str()), (400, "Log in"), "another password since");
    let alice = server.person_named("alice").await;
    let mut browser = server.browser();
    let page = browser.open("/login").await;
    let page = browser.log_in_at(&page, "alice", "another horse battery").await;
    server.disable(&alice, true).await;
    let page = browser.second_step(&page, &app.code(server.now(), 30)).await;
    assert_eq!((page.status, page.heading().as_str()), (400, "Log in"), "disabled since");
}

#[actix_web::test]
async fn a_remembered_browser_skips_the_step_for_thirty_days_and_does_nothing_sensitive() {
    let server = harness::spawn().await;
    let Equipped { app, .. } = server.equipped("alice").await;
    let Equipped { app: of_bob, .. } = server.equipped("bob").await;
    let mut browser = server.browser();
    let page = browser.first_step("/login", "alice").await;
    let form = page.form_with("Log in").choose("remember", "yes").fill("code", &app.code(server.now(), 0));
    let page = browser.submit(form).await;
    assert_eq!(page.url.path(), "/account");
    browser.open("/logout").await;
    let mut kept = server.browser();
    kept.put_cookie("gatepost-remembered", &browser.cookies()["gatepost-remembered"]);
    let page = kept.sign_in("alice").await;
    assert_eq!(page.url.path(), "/account");
    // What is sensitive asks for the factor that was not shown.
    for path in ["/account/security/password", "/account/delete"] {
        assert_eq!(kept.open(path).await.heading(), "Confirm that it is you", "{path}");
    }
    let page = kept.open("/account/security/totp").await;
    assert_eq!(page.heading(), "Confirm that it is you");
    assert!(page.attributes("#password", "name").is_empty(), "the password was just typed");
    let page = kept.submit(page.form_with("Go on").fill("code", &app.code(server.now(), 30))).await;
    assert_eq!(page.heading(), "Set up an authenticator app");
    // Somebody else on this browser is asked, and then both are remembered.
    let mut shared = server.browser();
    shared.put_cookie("gatepost-remembered", &browser.cookies()["gatepost-remembered"]);
    let page = shared.first_step("/login", "bob").await;
    let form = page.form_with("Log in").choose("remember", "yes").fill("code", &of_bob.code(server.now(), 0));
    shared.submit(form).await;
    for name in ["alice", "bob"] {
        let mut again = server.browser();
        again.put_cookie("gatepost-remembered", &shared.cookies()["gatepost-remembered"]);
        assert_eq!(again.sign_in(name).await.url.path(), "/account", "{name}");
    }
    server.advance(30 * 86_400);
    let mut again = server.browser();
    again.put_cookie("gatepost-remembered", &shared.cookies()["gatepost-remembered"]);
    again.first_step("/login", "alice").await;
}

#[actix_web::test]
async fn browsers_are_forgotten_by_the_button_a_new_password_and_another_app() {
    let server = harness::spawn().await;
    for (name, how) in [("ann", "button"), ("ben", "password"), ("cay", "another"), ("dan", "removed")] {
        let Equipped { browser: mut own, app, .. } = server.equipped(name).await;
        let mut browser = server.browser();
        let page = browser.first_step("/login", name).await;
        let code = app.code(server.now(), 0);
        browser.submit(page.form_with("Log in").choose("remember", "yes").fill("code", &code)).await;
        let page = own.open("/account/security").await;
        assert!(page.text().contains("Chrome on Linux"), "{}", page.text());
        match how {
            "button" => drop(own.submit(page.form_with("Forget all browsers")).await),
            "another" => drop(own.set_up_app(&server).await),
            "removed" => drop(own.submit(page.form_with("Remove the authenticator app")).await),
            _ => {
                let login = json!({ "username": name, "password": PASSWORD, "code": app.code(server.now(), 30) });
                let token = server.nobody().post("/v3/account/login", &login).await.member("token");
                let update = json!({ "oldPassword": PASSWORD, "newPassword": PASSWORD.to_uppercase() });
                server.program(&token).post("/v3/account/security/password/update", &update).await.success();
            }
        }
        let id = server.person_named(name).await.id.number();
        assert_eq!(server.count(&format!("remembered_browsers WHERE user_id = {id}")).await, 0, "{how}");
    }
}

#[actix_web::test]
async fn the_cookie_of_a_remembered_browser_is_ours_alone() {
    let server = harness::spawn_with(&[("public_url", "https://id.example:{port}")]).await;
    server.person("alice").await;
    let mut browser = server.browser();
    browser.sign_in("alice").await;
    let (app, _) = browser.set_up_app(&server).await;
    server.advance(30);
    let page = server.browser().first_step("/login", "alice").await;
    let form = page.form_with("Log in").choose("remember", "yes").fill("code", &app.code(server.now(), 0));
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let answer = server.http.send(actix_web::http::Method::POST, "/login", &headers, form.encode()).await;
    let set: Vec<&str> = answer.headers.get_all("set-cookie").filter_map(|value| value.to_str().ok()).collect();
    let cookie = set.iter().find(|cookie| cookie.starts_with("__Host-gatepost-remembered=gpw_"));
    let cookie = cookie.unwrap_or_else(|| panic!("{set:?}"));
    for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.contains(attribute), "{attribute}: {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
}
