//! The fetcher of clients' documents over real sockets: what it takes, what it refuses, where it never goes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gatepost::web::fetch::{DOCUMENT, Fetch, FetchError, GuardedFetcher};
use url::Url;

/// A host that says the same to everybody.
struct Host {
    port: u16,
    visits: Arc<AtomicUsize>,
}

impl Host {
    fn saying(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("because loopback has a free port");
        let port = listener.local_addr().expect("because it is bound").port();
        let visits = Arc::new(AtomicUsize::new(0));
        let counted = visits.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let (Ok(mut stream), answer) = (stream, answer.clone()) else { continue };
                thread::spawn(move || {
                    let mut request = [0; 2_048];
                    let read = stream.read(&mut request).unwrap_or_default();
                    if read > 0 && !answer.is_empty() {
                        drop(stream.write_all(&answer));
                    } else {
                        thread::sleep(Duration::from_secs(20));
                    }
                });
            }
        });
        Self { port, visits }
    }

    fn url(&self, scheme: &str, host: &str) -> Url {
        Url::parse(&format!("{scheme}://{host}:{}/client.json", self.port)).expect("because it is an address")
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

const JSON: &str = "Content-Type: application/json\r\n";

async fn fetched(answer: Vec<u8>) -> Result<(Vec<u8>, Option<String>), FetchError> {
    let host = Host::saying(answer);
    let fetcher = GuardedFetcher::reaching_loopback_only();
    let read = fetcher.fetch(&host.url("http", "localhost"), DOCUMENT).await;
    read.map(|document| (document.body, document.cache_control))
}

#[actix_web::test]
async fn a_small_json_document_is_read_with_its_cache_header() {
    let headers = format!("{JSON}Cache-Control: max-age=60\r\n");
    let read = fetched(answer("200 OK", &headers, "{}")).await;
    assert_eq!(read, Ok((b"{}".to_vec(), Some("max-age=60".to_owned()))));
    let full = "x".repeat(5_120);
    assert_eq!(fetched(answer("200 OK", JSON, &full)).await.map(|(body, _)| body.len()), Ok(5_120));
}

#[actix_web::test]
async fn other_statuses_types_and_sizes_are_refused() {
    for status in ["404 Not Found", "410 Gone"] {
        assert_eq!(fetched(answer(status, JSON, "{}")).await, Err(FetchError::Gone), "{status}");
    }
    for status in ["201 Created", "204 No Content", "206 Partial Content", "304 Not Modified", "503 Unavailable"] {
        assert_eq!(fetched(answer(status, JSON, "{}")).await, Err(FetchError::Status), "{status}");
    }
    for headers in ["Content-Type: text/html\r\n", "Content-Type: text/plain\r\n", ""] {
        assert_eq!(fetched(answer("200 OK", headers, "{}")).await, Err(FetchError::Type), "{headers}");
    }
    assert_eq!(fetched(answer("200 OK", JSON, &"x".repeat(5_121))).await, Err(FetchError::Size));
    let chunk = format!("{:x}\r\n{}\r\n", 4_000, "x".repeat(4_000));
    let endless = format!("HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
    assert_eq!(fetched(endless.into_bytes()).await, Err(FetchError::Size), "without a length");
}

#[actix_web::test]
async fn a_redirect_is_not_followed() {
    let inside = Host::saying(answer("200 OK", JSON, "{}"));
    let location = format!("Location: {}\r\n", inside.url("http", "localhost"));
    for status in
        ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        assert_eq!(fetched(answer(status, &location, "")).await, Err(FetchError::Status), "{status}");
    }
    assert_eq!(inside.visits(), 0);
}

#[actix_web::test]
async fn a_host_that_says_nothing_is_left_after_five_seconds() {
    let began = Instant::now();
    let read = fetched(Vec::new()).await;
    assert!(matches!(read, Err(FetchError::Late | FetchError::Unreachable)), "{read:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

/// The resolver judges what a name stands for; a host that is an address never gets to it.
#[actix_web::test]
async fn the_real_fetcher_never_touches_this_machine() {
    let host = Host::saying(answer("200 OK", JSON, "{}"));
    let fetcher = GuardedFetcher::new();
    assert_eq!(fetcher.fetch(&host.url("https", "localhost"), DOCUMENT).await.err(), Some(FetchError::Unreachable));
    for (scheme, name) in [("https", "127.0.0.1"), ("https", "[::1]"), ("https", "2130706433"), ("http", "localhost")] {
        assert_eq!(
            fetcher.fetch(&host.url(scheme, name), DOCUMENT).await.err(),
            Some(FetchError::Address),
            "{scheme}://{name}"
        );
    }
    assert_eq!(host.visits(), 0, "not even a connection");
}
