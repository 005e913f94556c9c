//! What holds for all pages: forms that cannot be read are refused in words, their files are there, and
//! below a path of the public URL everything works the same.

use actix_web::http::Method;
use gatepost::web::routes::{self, Access};

use crate::harness::http::parameter;
use crate::harness::pages::{RETURN_URL, log_in_path, returns_to};
use crate::harness::{self, PASSWORD};

const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[actix_web::test]
async fn a_form_that_cannot_be_read_is_refused_in_words() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let (too_large, many) = (format!("password={}", "x".repeat(65_536)), "a=1&".repeat(16_000));
    for (what, content_type, body, status) in [
        ("64 KiB and more", FORM.1, too_large.as_str(), 413),
        ("many parameters", FORM.1, &many, 400),
        ("a field twice", FORM.1, "username=alice&username=bob&password=x", 400),
        ("NUL", FORM.1, "username=alice%00&password=x", 400),
        ("NUL in a name", FORM.1, "user%00name=alice", 400),
        ("not UTF-8", FORM.1, "username=%ff&password=x", 400),
        ("JSON", "application/json", "{\"username\":\"alice\"}", 415),
        ("text", "text/plain", "username=alice&password=x", 415),
        ("another kind of form", "multipart/form-data; boundary=x", "--x--", 415),
    ] {
        let answer = server.http.send(Method::POST, "/login", &[OWN, ("content-type", content_type)], body).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert!(answer.text().contains("role=\"alert\""), "{what}: {}", answer.text());
    }
    let answer = server.http.send(Method::POST, "/login", &[OWN], "username=alice").await;
    assert_eq!(answer.status, 415, "no content type at all");
    let exact = format!("username=alice&password={}", "x".repeat(65_536 - 24));
    assert_eq!(server.http.send(Method::POST, "/login", &[OWN, FORM], exact).await.status, 400, "64 KiB are read");
}

#[actix_web::test]
async fn no_form_of_any_page_makes_the_server_stumble() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let posts = routes::addresses().filter(|address| address.route.method == Method::POST);
    let posts = posts.filter(|address| address.route.access != Access::Client && address.path != "/logout");
    for address in posts {
        let path = address.path.replace("{id}", "7").replace("{client_id}", "nobody");
        for body in ["", "=", "&&&", "%", "%zz=%", "a=%ff", "a=%00", "shown=x&decision=allow", "\u{fffd}=\u{1f600}"] {
            let answer = alice.bare(Method::POST, &path, &[OWN, FORM], body).await;
            assert!((200..500).contains(&answer.status), "{path}: {body}: {}", answer.status);
        }
        let page = alice.bare(Method::GET, &format!("{path}?%ff=%00&next=%ff&referer=%00"), &[], "").await;
        assert!((200..500).contains(&page.status), "{path}: {}", page.status);
    }
}

#[actix_web::test]
async fn a_pages_files_are_ours_are_there_and_may_be_kept_for_ever() {
    let server = harness::spawn().await;
    let page = server.browser().open("/login").await;
    let files = [page.attributes("link[href]", "href"), page.attributes("script[src]", "src")].concat();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in &files {
        let answer = server.http.get(file).await;
        assert_eq!(answer.status, 200, "{file}");
        let cache = answer.header("cache-control").unwrap_or_default();
        assert!(cache.contains("immutable"), "{file}: {cache}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{file}");
    }
    let answer = server.http.get("/login.js").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
    for path in [
        "/static/app.css", "/static/..%2fCargo.toml", "/static/%2e%2e/Cargo.toml", "/static//etc/passwd", "/.env",
        "/.git/config", "/metrics", "/healthz", "/gatepost.db", "/static/",
    ] {
        assert_eq!(server.http.get(path).await.status, 404, "{path}");
    }
}

#[actix_web::test]
async fn below_a_path_of_the_public_url_everything_works_the_same() {
    let server = harness::spawn_with(&[("public_url", "http://localhost:{port}/gate/house")]).await;
    let (app, oauth) =
        (server.application(returns_to(&[RETURN_URL])).await, server.application(harness::confidential()).await);
    server.person("alice").await;
    let mut alice = server.browser();
    let page = alice.open(&log_in_path(RETURN_URL)).await;
    assert_eq!((page.heading().as_str(), page.url.path()), ("Log in", "/gate/house/logIn"));
    for file in page.attributes("link[href]", "href") {
        assert!(file.starts_with("/gate/house/static/"), "{file}");
    }
    let page = alice.log_in_at(&page, "alice", PASSWORD).await;
    let location = alice.press_continue(&page).await.away().to_owned();
    let token = parameter(&location, "token").expect("because the person agreed");
    assert_eq!(server.account_status(&token).await, 200);
    assert!(app.is_active(&token).await);
    assert!(oauth.is_active(&oauth.tokens(&mut alice).await.access_token).await);
    for path in ["/", "/account", "/account/sessions", "/account/apps", "/developer", "/developer/apps/new"] {
        let page = alice.open(path).await;
        assert_eq!(page.status, 200, "{path}");
        for link in page.attributes("a[href], form[action]", "href") {
            let is_ours = link.starts_with("/gate/house/") || link.starts_with('#');
            assert!(is_ours, "{path} leads to {link}");
        }
    }
    let page = alice.open(&format!("/account?token={token}")).await;
    assert_eq!((page.status, page.url.as_str()), (200, server.url("/account").as_str()));
    let page = alice.open("/login?next=/gate/house/developer").await;
    assert_eq!(page.url.path(), "/gate/house/developer");
    let page = alice.open("/login?next=/elsewhere").await;
    assert_eq!(page.url.path(), "/gate/house/account", "what is not below the path is not ours");
    let page = alice.open("/logout").await;
    assert_eq!(alice.submit(page.form_with("Log out")).await.heading(), "You are logged out");
    for path in ["/login", "/gate/login", "/gate/houselogin", "/account"] {
        let outside = format!("{}{path}", server.app.public.origin);
        assert_eq!(server.http.get(&outside).await.status, 404, "{path}");
    }
}

#[actix_web::test]
async fn stylesheets_and_scripts_travel_packed_to_whoever_unpacks_them_and_pages_never() {
    let server = harness::spawn().await;
    let page = server.browser().open("/login").await;
    for file in page.attributes("link[rel=stylesheet]", "href") {
        let ask = async |wish: &str| server.http.send(Method::GET, &file, &[("accept-encoding", wish)], "").await;
        let plain = ask("identity").await;
        assert_eq!((plain.status, plain.header("content-encoding")), (200, None));
        for wish in ["gzip, deflate, br, zstd", "gzip;q=0.5", "*"] {
            let packed = ask(wish).await;
            assert_eq!(packed.header("vary"), Some("accept-encoding"), "{wish}");
            if packed.header("content-encoding") == Some("gzip") {
                let mut unpacked = Vec::new();
                std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed.body[..]), &mut unpacked)
                    .expect("because it is gzip");
                assert_eq!(unpacked, plain.body, "{wish}");
                assert!(packed.body.len() * 2 < plain.body.len(), "{wish}: {}", packed.body.len());
            } else {
                assert_eq!((wish, packed.body), ("*", plain.body.clone()));
            }
        }
        for wish in ["br", "gzip;q=0", "", ";;q=x"] {
            assert_eq!(ask(wish).await.body, plain.body, "{wish}");
        }
    }
    let page = server.http.send(Method::GET, "/login", &[("accept-encoding", "gzip")], "").await;
    assert_eq!(page.header("content-encoding"), None, "what is packed with a secret tells of it by its length");
}
