//! Our few small files, embedded; their addresses carry a digest, so browsers may keep them for ever. They
//! travel packed. Pages do not: what is packed together with something secret tells of it by its length.

use std::io::Write;
use std::sync::OnceLock;

use actix_web::http::header::{
    AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, Encoding, Header, HeaderValue, VARY,
};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse, http::header};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::domain::secret::sha256_base64url;

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

impl Asset {
    /// The content as gzip packs it (RFC 1952); nothing when that fails, which it has no cause to.
    fn pack(&self) -> Option<Vec<u8>> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(self.content.as_bytes()).and_then(|()| packer.finish()).ok()
    }

    /// `app.1a2b3c4d.css`: the digest changes with the content.
    fn hashed_name(&self) -> String {
        let digest = &sha256_base64url(self.content.as_bytes())[..10];
        match self.name.rsplit_once('.') {
            Some((stem, ending)) => format!("{stem}.{digest}.{ending}"),
            None => self.name.to_owned(),
        }
    }
}

/// The path of an asset below the public URL.
pub fn path(name: &str) -> String {
    static PATHS: OnceLock<Vec<(&'static str, String)>> = OnceLock::new();
    let paths = PATHS
        .get_or_init(|| ASSETS.iter().map(|asset| (asset.name, format!("/static/{}", asset.hashed_name()))).collect());
    paths.iter().find(|(known, _)| *known == name).map(|(_, path)| path.clone()).unwrap_or_default()
}

/// The packed contents, in the order of the files: made once.
fn packed() -> &'static [Option<Vec<u8>>] {
    static PACKED: OnceLock<Vec<Option<Vec<u8>>>> = OnceLock::new();
    PACKED.get_or_init(|| ASSETS.iter().map(Asset::pack).collect())
}

/// `GET /static/{name}`.
pub async fn get(request: HttpRequest, name: Path<String>) -> HttpResponse {
    let asset = ASSETS.iter().position(|asset| asset.hashed_name() == *name);
    answer(&request, asset, "public, max-age=31536000, immutable")
}

/// `GET /login.js`: the helper for apps, at an address that stays.
pub async fn login_js(request: HttpRequest) -> HttpResponse {
    answer(&request, ASSETS.iter().position(|asset| asset.name == "login.js"), "public, max-age=3600")
}

fn takes_gzip(request: &HttpRequest) -> bool {
    // An unreadable wish is none.
    let Ok(accepted) = AcceptEncoding::parse(request) else { return false };
    accepted.negotiate([Encoding::gzip(), Encoding::identity()].iter()) == Some(Encoding::gzip())
}

fn answer(request: &HttpRequest, asset: Option<usize>, cache: &'static str) -> HttpResponse {
    let Some(number) = asset else { return HttpResponse::NotFound().finish() };
    let asset = &ASSETS[number];
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, asset.media_type))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static(cache)))
        .insert_header((VARY, HeaderValue::from_static("accept-encoding")))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // Apps of other origins load the helper as a script.
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"));
    match packed()[number].as_deref().filter(|_| takes_gzip(request)) {
        Some(packed) => response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("gzip"))).body(packed),
        None => response.body(asset.content),
    }
}
