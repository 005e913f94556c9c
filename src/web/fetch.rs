//! Reads a public document at an untrusted address, without server-side request forgery: the host is
//! resolved, every address is checked, and the connection uses exactly the checked addresses. No redirects,
//! https only, status 200, JSON, a small body, a short time limit.

use std::error::Error as StdError;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_tls::connect::{Connector as TcpConnector, Resolve, Resolver};
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use crate::domain::global_address::is_global;

/// The maximum size of a client ID metadata document, in bytes: 5 KiB.
pub const DOCUMENT: usize = 5_120;
/// The maximum size of a client's published keys, in bytes: 16 KiB.
pub const KEYS: usize = 16_384;
/// The time limit for the whole fetch.
const PATIENCE: Duration = Duration::from_secs(5);
/// The maximum number of addresses of one host that are tried.
const MAX_ADDRESSES: usize = 4;

/// A document that was read.
#[derive(Clone, Debug)]
pub struct Document {
    pub body: Vec<u8>,
    /// The `Cache-Control` header of the response.
    pub cache_control: Option<String>,
}

/// Why a document was not read, for the log. The response to the caller is the same for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL has another scheme, or an IP address as its host.
    #[error("the address is not https, or has no host")]
    Address,
    /// The host is unknown, does not answer, is not public, or presents no valid certificate.
    #[error("the host cannot be reached, or is not a public one")]
    Unreachable,
    /// The time limit was exceeded.
    #[error("the document came too slowly")]
    Late,
    /// The document does not exist: status 404 or 410.
    #[error("there is no document")]
    Gone,
    /// Another status than 200. Redirects are not followed.
    #[error("the status is not 200")]
    Status,
    /// The media type is not JSON.
    #[error("the content type is not JSON")]
    Type,
    /// The document is too large.
    #[error("the document is over its limit")]
    Size,
}

impl FetchError {
    /// Returns whether the error may be temporary, so that it says nothing about the document itself.
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Unreachable | Self::Late | Self::Status)
    }
}

/// The result of a fetch.
pub type Fetched<'a> = Pin<Box<dyn Future<Output = Result<Document, FetchError>> + 'a>>;

/// A way to read public documents, which tests replace.
pub trait Fetch: Send + Sync {
    /// Reads the document at a URL, of at most `most` bytes.
    fn fetch<'a>(&'a self, url: &'a Url, most: usize) -> Fetched<'a>;
}

/// The addresses that may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Public addresses, by https.
    World,
    /// Loopback addresses, by http.
    Loopback,
}

/// The [`Fetch`] that the server uses.
pub struct GuardedFetcher {
    reach: Reach,
    tls: OnceLock<Arc<ClientConfig>>,
}

impl GuardedFetcher {
    /// Returns a fetcher that connects to public addresses only.
    pub fn new() -> Self {
        Self { reach: Reach::World, tls: OnceLock::new() }
    }

    /// Returns a fetcher that connects to loopback addresses only, for tests. No setting selects it.
    pub fn reaching_loopback_only() -> Self {
        Self { reach: Reach::Loopback, tls: OnceLock::new() }
    }

    /// Returns the TLS configuration with the root certificates of the operating system, which are loaded at
    /// the first use.
    fn tls(&self) -> Arc<ClientConfig> {
        let make = || {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
            let builder = builder.expect("because the provider has TLS 1.2 and 1.3");
            let mut config = builder.with_root_certificates(roots).with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Arc::new(config)
        };
        self.tls.get_or_init(make).clone()
    }

    async fn read(&self, url: &Url, most: usize) -> Result<Document, FetchError> {
        let scheme = match self.reach {
            Reach::World => "https",
            Reach::Loopback => "http",
        };
        // A host that is an IP address would bypass the resolver with its check.
        if url.scheme() != scheme || url.domain().is_none() {
            return Err(FetchError::Address);
        }
        let tcp = TcpConnector::new(Resolver::custom(Guard(self.reach))).service();
        let connector = awc::Connector::new().connector(tcp).timeout(PATIENCE).rustls_0_23(self.tls());
        let client = awc::Client::builder().connector(connector).disable_redirects().timeout(PATIENCE).finish();
        let sent = client.get(url.as_str()).insert_header((ACCEPT, "application/json")).send().await;
        let mut response = sent.map_err(|error| {
            tracing::debug!(%error, host = url.host_str(), "a client's document cannot be reached");
            FetchError::Unreachable
        })?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(FetchError::Gone),
            _ => return Err(FetchError::Status),
        }
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        if !text(CONTENT_TYPE).is_some_and(is_json) {
            return Err(FetchError::Type);
        }
        let cache_control = text(CACHE_CONTROL).map(str::to_owned);
        let body = response.body().limit(most).await.map_err(|_too_large| FetchError::Size)?;
        Ok(Document { body: body.to_vec(), cache_control })
    }
}

impl Default for GuardedFetcher {
    fn default() -> Self {
        Self::new()
    }
}

impl Fetch for GuardedFetcher {
    fn fetch<'a>(&'a self, url: &'a Url, most: usize) -> Fetched<'a> {
        Box::pin(
            async move { tokio::time::timeout(PATIENCE, self.read(url, most)).await.unwrap_or(Err(FetchError::Late)) },
        )
    }
}

/// Returns whether the media type is `application/json` or has the suffix `+json` (RFC 6839 §3.1).
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Resolves hosts, and refuses a host when any of its addresses is not permitted. A host with public and
/// internal addresses is suspicious.
struct Guard(Reach);

impl Guard {
    fn lets(&self, address: SocketAddr) -> bool {
        match self.0 {
            Reach::World => is_global(address.ip()),
            Reach::Loopback => address.ip().to_canonical().is_loopback(),
        }
    }
}

type Resolved = Result<Vec<SocketAddr>, Box<dyn StdError>>;

impl Resolve for Guard {
    fn lookup<'a>(&'a self, host: &'a str, port: u16) -> Pin<Box<dyn Future<Output = Resolved> + 'a>> {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
            match found.iter().all(|address| self.lets(*address)) {
                true => Ok(found.into_iter().take(MAX_ADDRESSES).collect()),
                false => Err("the host has an address that is not public".into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_that_it_is_json() {
        for fine in ["application/json", "Application/JSON; charset=utf-8", "application/oauth-client+json"] {
            assert!(is_json(fine), "{fine}");
        }
        for other in ["text/html", "text/plain", "", "application/jsonp", "text/json"] {
            assert!(!is_json(other), "{other}");
        }
    }
}
