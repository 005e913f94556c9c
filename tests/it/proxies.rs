//! Who a request comes from when it comes through proxies.

use actix_web::http::Method;
use serde_json::json;

use crate::harness;
use crate::harness::binary::Binary;

#[actix_web::test]
async fn every_form_in_which_a_proxy_writes_an_address_is_one_address() {
    let networks = [("trusted_proxies", "127.0.0.0/8, 10.42.0.0/16,fd00::/8, 192.0.2.7")];
    let server = harness::spawn_with(&networks).await;
    for (number, (forwarded, address)) in [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::ffff:203.0.113.9]:4711", "203.0.113.9"),
        ("2001:DB8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("198.51.100.1, 203.0.113.9:1, 10.42.255.1:2, [fd00::1]:3", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9, ::ffff:192.0.2.7", "203.0.113.9"),
        ("198.51.100.1, unknown, 10.42.0.1", "10.42.0.1"),
        ("198.51.100.1, 10.43.0.1", "10.43.0.1"),
        ("unknown", "127.0.0.1"),
    ]
    .into_iter()
    .enumerate()
    {
        let headers = [("x-forwarded-for", forwarded), ("content-type", "application/json")];
        let path = "/v3/account/security/remoteSession";
        assert_eq!(server.http.send(Method::POST, path, &headers, "{}").await.status, 200, "{forwarded}");
        let rows = format!("remote_sessions WHERE address = '{address}'");
        let written = server.count(&rows).await;
        server.advance(601);
        gatepost::background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds them");
        assert_eq!(written, 1, "{number}: {forwarded} is {address}");
    }
}

/// A socket of both kinds gives an IPv4 proxy's address as `::ffff:127.0.0.1`.
#[test]
fn a_server_that_listens_on_both_kinds_knows_its_ipv4_proxy() {
    let server = Binary::start(&[("listen", "[::]:0"), ("trusted_proxies", "127.0.0.1")]);
    server.run(
        &["user", "create", "--username", "ann", "--email", "ann@example.org", "--password-stdin"],
        "correct horse 9\n",
    );
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let agent = ureq::Agent::new_with_config(config);
    let log_in = |from: &str, password: &str| {
        let url = format!("http://127.0.0.1:{}/v3/account/login", server.port());
        let body = json!({ "username": "ann", "password": password }).to_string();
        let request = agent.post(url).header("content-type", "application/json").header("x-forwarded-for", from);
        request.send(body).expect("because the server answers").status().as_u16()
    };
    assert_eq!(log_in("203.0.113.9", "correct horse 9"), 200);
    for guess in 0..15 {
        log_in("198.51.100.66", &format!("wrong {guess}"));
    }
    assert_eq!(log_in("198.51.100.66", "wrong"), 429, "the stranger");
    assert_eq!(log_in("203.0.113.9", "correct horse 9"), 200, "at home");
}
