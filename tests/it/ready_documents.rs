//! Documents that lie ready: each form has an entity tag of its own, and who has the document already is told so
//! (RFC 9110 §8.8.3, §13.1.2, §15.4.5).

use actix_web::http::Method;
use gatepost::domain::signing_key::{SigningAlgorithm, Succession};
use gatepost::oauth::signing::replace;

use crate::harness::http::Answer;
use crate::harness::{self, Server};

const METADATA: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/oauth/jwks";

async fn serve() -> Server {
    harness::spawn_with(&[("security_contact", "mailto:security@id.example")]).await
}

/// Every document that is the same for all who ask.
async fn documents(server: &Server) -> Vec<String> {
    let fixed = [
        METADATA, "/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/v3", "/.well-known/security.txt", KEYS, "/login.js",
    ];
    let page = server.browser().open("/login").await;
    let files = [page.attributes("link[href]", "href"), page.attributes("script[src]", "src")].concat();
    assert!(files.len() >= 4, "{files:?}");
    fixed.into_iter().map(str::to_owned).chain(files).collect()
}

async fn ask(server: &Server, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    server.http.send(method, path, headers, "").await
}

fn tag(answer: &Answer) -> String {
    let tag = answer.header("etag").expect("because each document has a tag");
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 10, "{tag} is no strong tag");
    tag.to_owned()
}

#[actix_web::test]
async fn who_has_a_document_already_is_told_so_and_gets_no_body() {
    let server = serve().await;
    for path in documents(&server).await {
        let answer = ask(&server, Method::GET, &path, &[]).await;
        assert_eq!((answer.status, answer.header("vary")), (200, Some("accept-encoding")), "{path}");
        let tag = tag(&answer);
        let kept = answer.header("cache-control").expect("because it says how long it may be kept").to_owned();
        for known in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"a,b\", W/\"c\" ,{tag}"),
            format!("{tag}, \"z\""),
            "*".to_owned(),
        ] {
            for method in [Method::GET, Method::HEAD] {
                let again = ask(&server, method, &path, &[("if-none-match", &known)]).await;
                assert_eq!((again.status, again.body.len()), (304, 0), "{path} with {known}");
                assert_eq!(again.header("etag"), Some(tag.as_str()), "{path}");
                assert_eq!(again.header("cache-control"), Some(kept.as_str()), "{path}");
                assert_eq!(again.header("vary"), Some("accept-encoding"), "{path}");
                assert_eq!(again.header("x-request-id"), None, "it is no refusal");
            }
        }
        for unknown in ["\"x\"", "", "x", "W/", &tag[1..], "\"*\""] {
            let again = ask(&server, Method::GET, &path, &[("if-none-match", unknown)]).await;
            assert_eq!((again.status, &again.body), (200, &answer.body), "{path} with {unknown}");
        }
        let head = ask(&server, Method::HEAD, &path, &[]).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-length"), Some(answer.body.len().to_string().as_str()), "{path}");
        for name in ["etag", "cache-control", "content-type", "vary", "access-control-allow-origin"] {
            assert_eq!(head.header(name), answer.header(name), "{path}: {name}");
        }
    }
}

#[actix_web::test]
async fn the_packed_form_of_a_document_has_a_tag_of_its_own() {
    let server = serve().await;
    let gzip = ("accept-encoding", "gzip");
    let mut packed = 0;
    for path in documents(&server).await {
        let plain = ask(&server, Method::GET, &path, &[]).await;
        let answer = ask(&server, Method::GET, &path, &[gzip]).await;
        assert_eq!(answer.header("vary"), Some("accept-encoding"), "{path}");
        if answer.header("content-encoding").is_none() {
            assert_eq!((tag(&answer), answer.body), (tag(&plain), plain.body), "{path}");
            continue;
        }
        packed += 1;
        assert!(tag(&answer) != tag(&plain) && answer.body.len() < plain.body.len(), "{path}");
        let mut unpacked = Vec::new();
        let read = std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&answer.body[..]), &mut unpacked);
        read.expect("because it is gzip");
        assert_eq!(unpacked, plain.body, "{path}");
        let (of_packed, of_plain) = (tag(&answer), tag(&plain));
        for (wish, known, status) in [
            (Some(gzip), &of_packed, 304),
            (None, &of_plain, 304),
            (Some(gzip), &of_plain, 200),
            (None, &of_packed, 200),
        ] {
            let headers: Vec<(&str, &str)> = wish.into_iter().chain([("if-none-match", known.as_str())]).collect();
            assert_eq!(ask(&server, Method::GET, &path, &headers).await.status, status, "{path} {headers:?}");
        }
    }
    assert!(packed >= 6, "only {packed}");
}

#[actix_web::test]
async fn a_document_is_another_one_as_soon_as_what_it_is_made_of_changed() {
    let server = serve().await;
    let metadata = ask(&server, Method::GET, METADATA, &[]).await;
    server.api("https://tiles.example", &["tiles:read: See your map tiles"], false).await;
    let changed = ask(&server, Method::GET, METADATA, &[("if-none-match", &tag(&metadata))]).await;
    assert_eq!(changed.status, 200);
    assert!(changed.text().contains("tiles:read") && tag(&changed) != tag(&metadata));
    let keys = ask(&server, Method::GET, KEYS, &[]).await;
    let (app, now) = (&server.app, server.now());
    let made = replace(&app.store, &app.token_settings, now, SigningAlgorithm::Es256, Succession::AtOnce).await;
    let kid = made.expect("because the database works").expect("because nobody else makes one").kid;
    let changed = ask(&server, Method::GET, KEYS, &[("if-none-match", &tag(&keys))]).await;
    assert_eq!(changed.status, 200);
    assert!(changed.text().contains(&kid) && tag(&changed) != tag(&keys));
    let contact = ask(&server, Method::GET, "/.well-known/security.txt", &[]).await;
    server.advance(86_400);
    let changed = ask(&server, Method::GET, "/.well-known/security.txt", &[]).await;
    assert!(tag(&changed) != tag(&contact), "it names the day on which it ends");
}

#[actix_web::test]
async fn what_lies_ready_and_the_log_in_page_ask_the_database_nothing() {
    let server = serve().await;
    server.person("root").await;
    let documents = documents(&server).await;
    for path in &documents {
        assert_eq!(server.http.get(path).await.status, 200, "{path}");
    }
    // SQLite is asked whether the keys, or the scopes, are still the same.
    let edition = u64::from(!server.app.store.is_shared());
    for path in documents.iter().map(String::as_str).chain(["/login", "/login?next=/account", "/"]) {
        let before = server.app.store.queries();
        assert_eq!(server.http.get(path).await.status, 200, "{path}");
        let after = server.app.store.queries();
        let allowed =
            if path == KEYS || path == METADATA || path.ends_with("authorization-server") { edition } else { 0 };
        assert_eq!((after.read - before.read, after.write - before.write), (allowed, 0), "{path}");
    }
}
