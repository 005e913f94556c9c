//! Reading costs as much as there is to read: four times the input is about four times the work, and where
//! input has an end it is refused before it is read.

use std::hint::black_box;
use std::time::{Duration, Instant};

use actix_web::http::Method;
use gatepost::domain::access_list::{Access, AccessList, Entry, Tier};
use gatepost::domain::json;
use gatepost::domain::scope::Scope;
use gatepost::domain::space_separated::SpaceSeparated;
use gatepost::oauth::parameters::Parameters;

use crate::harness::{self, Server};

/// The least time of several runs: what else the machine does makes none of them faster.
fn cost(work: &dyn Fn()) -> Duration {
    let run = |_| {
        let begin = Instant::now();
        work();
        begin.elapsed()
    };
    (0..200).map(run).min().unwrap_or_default()
}

fn words(count: usize) -> SpaceSeparated {
    (0..count).map(|number| format!("https://app-{number}.example")).collect()
}

fn entries(count: usize) -> Vec<Entry> {
    let access = || Access { access_tier: Tier::View, geo_fence: None, property_fence: None };
    (0..count).map(|number| Entry { path_id: format!("map-{number}"), access: access() }).collect()
}

/// Prepares work on as much input as that, and answers what does it.
type Prepare = Box<dyn Fn(usize) -> Box<dyn Fn()>>;

#[test]
fn four_times_the_input_is_about_four_times_the_work() {
    let cases: Vec<(&str, Prepare)> = vec![
        (
            "the members of an object",
            Box::new(|count| {
                let members = (0..count * 5).map(|number| format!("\"{number}\":1")).collect::<Vec<_>>().join(",");
                let text = format!("{{{members}}}");
                Box::new(move || drop(black_box(json::parse(text.as_bytes()))))
            }),
        ),
        (
            "two lists together",
            Box::new(|count| {
                let (one, other) = (words(count), words(count * 2));
                Box::new(move || drop(black_box((one.union(&other), one.is_within(&other)))))
            }),
        ),
        (
            "an access list",
            Box::new(|count| {
                let list = entries(count);
                Box::new(move || drop(black_box(AccessList::new(list.clone()))))
            }),
        ),
    ];
    for (name, case) in cases {
        // Short enough that a busy machine rarely interrupts all of the runs.
        let (small, large) = (cost(&*case(150)), cost(&*case(600)));
        // Sixteen times is what reading everything once for each of it would take.
        assert!(large < small * 10, "{name}: {small:?}, then {large:?}");
    }
}

#[test]
fn what_has_an_end_is_refused_behind_it() {
    let doubled: String = (0..5_300).map(|number| format!("{number}=&{number}=1&{number}=2&")).collect();
    assert!(Parameters::parse(doubled.as_bytes()).is_err());
    assert!("a ".repeat(2_100).parse::<Scope>().is_err() && "a ".repeat(2_000).parse::<Scope>().is_ok());
    let distinct: String = (0..4_096).map(|number| format!("{number} ")).take(700).collect();
    let scope: Scope = distinct.parse().expect("because it is short enough");
    assert!(scope.is_within(&scope) && scope.union(&scope) == scope && scope.intersection(&scope) == scope);
}

/// The parameters of a request, so many of them that nobody reads.
fn unread(count: usize) -> String {
    (0..count).map(|number| format!("&x{number}=1")).collect()
}

async fn status(server: &Server, method: &Method, path: &str, count: usize) -> u16 {
    if *method == Method::GET {
        return server.http.get(&format!("{path}?{}", &unread(count)[1..])).await.status;
    }
    let is_json = path.starts_with("/v3/oauth/") && path.ends_with("#json");
    let path = path.trim_end_matches("#json");
    let (media_type, body) = if is_json {
        let members = (0..count).map(|number| format!("\"x{number}\":\"1\"")).collect::<Vec<_>>().join(",");
        ("application/json", format!("{{{members}}}"))
    } else {
        ("application/x-www-form-urlencoded", unread(count)[1..].to_owned())
    };
    let headers = [("content-type", media_type), ("sec-fetch-site", "same-origin")];
    server.http.send(method.clone(), path, &headers, body).await.status
}

#[actix_web::test]
async fn a_request_with_more_than_256_parameters_is_refused_everywhere() {
    let server = harness::spawn_with(&[("dynamic_registration", "open")]).await;
    for (method, path) in [
        (Method::POST, "/oauth/token"),
        (Method::POST, "/oauth/revoke"),
        (Method::POST, "/oauth/introspect"),
        (Method::POST, "/oauth/par"),
        (Method::POST, "/oauth/device"),
        (Method::POST, "/oauth/authorize"),
        (Method::POST, "/oauth/logout"),
        (Method::POST, "/v3/oauth/token"),
        (Method::POST, "/v3/oauth/token#json"),
        (Method::POST, "/v3/oauth/authorize"),
        (Method::POST, "/v3/oauth/authorize#json"),
        (Method::POST, "/login"),
        (Method::POST, "/register"),
        (Method::POST, "/reset"),
        (Method::GET, "/oauth/authorize"),
        (Method::GET, "/login"),
        (Method::GET, "/v3/user"),
    ] {
        let (few, many) = (status(&server, &method, path, 256).await, status(&server, &method, path, 257).await);
        assert_eq!(many, 400, "{method} {path}: 257 of them; with 256 it is {few}");
    }
}
