//! Embedded static files. Their addresses contain a digest, so browsers may cache them without limit. They
//! are sent compressed. Pages are not, because the length of a compressed response can reveal a secret in it.

use std::sync::OnceLock;

use actix_web::http::header::{HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Bytes, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::rendered::{DeliveryOptions, Rendered};
use crate::domain::secret::sha256_base64url;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// The caching of an address that contains a digest of the content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// The caching of an address that does not change with the content.
const AN_HOUR: &str = "public, max-age=3600";

const FOLDER: &str = "/static";

struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static str,
}

macro_rules! assets {
    ($($name:literal: $media_type:literal),+ $(,)?) => {
        &[$(Asset { name: $name, media_type: $media_type, content: include_str!(concat!("../../static/", $name)) }),+]
    };
}

static ASSETS: &[Asset] = assets![
    "app.css": "text/css; charset=utf-8",
    "demo.css": "text/css; charset=utf-8",
    "form_post.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "login.js": "text/javascript; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "passkey.js": "text/javascript; charset=utf-8",
    "return_addresses.js": "text/javascript; charset=utf-8",
    "token.css": "text/css; charset=utf-8",
];

/// A file, ready to be sent.
struct Sent {
    name: &'static str,
    path: String,
    rendered: Rendered,
}

impl Asset {
    /// Returns the file name with a digest of the content, such as `app.1a2b3c4d.css`.
    fn hashed_name(&self) -> String {
        let digest = &sha256_base64url(self.content.as_bytes())[..10];
        match self.name.rsplit_once('.') {
            Some((stem, ending)) => format!("{stem}.{digest}.{ending}"),
            None => self.name.to_owned(),
        }
    }

    fn rendered(&self, cache_control: &'static str) -> Rendered {
        let manner = DeliveryOptions { media_type: self.media_type, cache_control };
        Rendered::new(manner, Bytes::from_static(self.content.as_bytes()))
    }
}

/// Returns the files, ready to be sent.
fn sent() -> &'static [Sent] {
    static SENT: OnceLock<Vec<Sent>> = OnceLock::new();
    let send = |asset: &Asset| Sent {
        name: asset.name,
        path: format!("{FOLDER}/{}", asset.hashed_name()),
        rendered: asset.rendered(FOR_EVER),
    };
    SENT.get_or_init(|| ASSETS.iter().map(send).collect())
}

/// Returns the path of an asset below the public URL.
pub fn path(name: &str) -> &'static str {
    sent().iter().find(|sent| sent.name == name).map(|sent| sent.path.as_str()).unwrap_or_default()
}

/// Returns the paths of all assets below `/static`, in the order of their numbers.
pub fn names() -> impl Iterator<Item = &'static str> {
    sent().iter().map(|sent| sent.path.trim_start_matches(FOLDER))
}

/// Responds with the asset of this number.
pub async fn send(request: HttpRequest, number: usize) -> HttpResponse {
    sent().get(number).map_or_else(|| HttpResponse::NotFound().finish(), |sent| answer(&request, &sent.rendered))
}

/// `GET /static/{name}`: responds with an asset.
pub async fn get(request: HttpRequest, name: Path<String>) -> HttpResponse {
    let number = names().position(|known| known.strip_prefix('/') == Some(name.as_str()));
    match number {
        Some(number) => send(request, number).await,
        None => HttpResponse::NotFound().finish(),
    }
}

/// `GET /login.js`: responds with the script for applications, at an address that does not change.
pub async fn login_js(request: HttpRequest) -> HttpResponse {
    static HELPER: OnceLock<Option<Rendered>> = OnceLock::new();
    let find = || ASSETS.iter().find(|asset| asset.name == "login.js").map(|asset| asset.rendered(AN_HOUR));
    let helper = HELPER.get_or_init(find);
    helper.as_ref().map_or_else(|| HttpResponse::NotFound().finish(), |helper| answer(&request, helper))
}

fn answer(request: &HttpRequest, rendered: &Rendered) -> HttpResponse {
    let mut response = rendered.answer(request);
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Applications of other origins load this script.
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    response
}
