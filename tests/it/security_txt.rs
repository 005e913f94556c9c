//! Whom to tell of a weakness: `security.txt` (RFC 9116), when the operator named somebody.

use actix_web::http::Method;

use crate::harness;

const PATH: &str = "/.well-known/security.txt";

#[actix_web::test]
async fn whom_the_operator_named_is_told_with_a_day_within_a_year() {
    let server = harness::spawn_with(&[("security_contact", "security@example.org")]).await;
    let told = |expires: &str| {
        let canonical = server.url(PATH);
        format!("Contact: mailto:security@example.org\nExpires: {expires}T00:00:00.000Z\nCanonical: {canonical}\n")
    };
    let answer = server.http.get(PATH).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    assert_eq!(answer.text(), told("2027-11-20"));
    server.advance(12 * 3_600 - 1);
    assert_eq!(server.http.get(PATH).await.text(), told("2027-11-20"), "the same all day");
    server.advance(1);
    assert_eq!(server.http.get(PATH).await.text(), told("2027-11-21"));
    let head = server.http.send(Method::HEAD, PATH, &[], "").await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/plain; charset=utf-8")));
}

#[actix_web::test]
async fn without_somebody_nothing_is_there() {
    let server = harness::spawn().await;
    assert_eq!(server.http.get(PATH).await.status, 404);
}

#[actix_web::test]
async fn below_a_path_it_lies_where_readers_look_too() {
    let settings = [("public_url", "http://localhost:{port}/gate"), ("security_contact", "https://example.org/report")];
    let server = harness::spawn_with(&settings).await;
    let origin = &server.app.public.origin;
    let below = server.http.get(PATH).await;
    let above = server.http.get(&format!("{origin}{PATH}")).await;
    assert_eq!((below.status, &below.body), (above.status, &above.body));
    assert!(below.text().starts_with("Contact: https://example.org/report\n"), "{}", below.text());
    for home in [origin.clone(), format!("{origin}/gate")] {
        assert!(below.text().contains(&format!("\nCanonical: {home}{PATH}\n")), "{}", below.text());
    }
}
