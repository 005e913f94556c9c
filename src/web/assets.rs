//! Our few small files, embedded; their addresses carry a digest, so browsers may keep them for ever.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::web::Path;
use actix_web::{HttpResponse, http::header};

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
    "token.css": "text/css; charset=utf-8",
];

impl Asset {
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
    static PATHS: std::sync::OnceLock<Vec<(&'static str, String)>> = std::sync::OnceLock::new();
    let paths = PATHS
        .get_or_init(|| ASSETS.iter().map(|asset| (asset.name, format!("/static/{}", asset.hashed_name()))).collect());
    paths.iter().find(|(known, _)| *known == name).map(|(_, path)| path.clone()).unwrap_or_default()
}

/// `GET /static/{name}`.
pub async fn get(name: Path<String>) -> HttpResponse {
    let asset = ASSETS.iter().find(|asset| asset.hashed_name() == *name);
    answer(asset, "public, max-age=31536000, immutable")
}

/// `GET /login.js`: the helper for apps, at an address that stays.
pub async fn login_js() -> HttpResponse {
    answer(ASSETS.iter().find(|asset| asset.name == "login.js"), "public, max-age=3600")
}

fn answer(asset: Option<&Asset>, cache: &'static str) -> HttpResponse {
    let Some(asset) = asset else { return HttpResponse::NotFound().finish() };
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, asset.media_type))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static(cache)))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // Apps of other origins load the helper as a script.
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"))
        .body(asset.content)
}
