//! Documents that are written once and sent many times: their bytes lie ready, plain and packed, each form with an
//! entity tag of its own (RFC 9110 §8.8.3.3), so that who has one already is told so (§15.4.5).

use std::io::Write;
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::http::StatusCode;
use actix_web::http::header::{
    AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, Encoding, Header, HeaderMap, HeaderValue,
    IF_NONE_MATCH, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::domain::secret::sha256_base64url;
use crate::store::StoreError;

/// The media type of the documents that programs read.
const JSON: &str = "application/json";

/// How a document is sent.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Its media type.
    pub media_type: &'static str,
    /// How long it may be kept.
    pub cache_control: &'static str,
}

/// A document that lies ready.
#[derive(Debug)]
pub struct Rendered {
    manner: Manner,
    plain: Form,
    packed: Option<Form>,
}

/// The bytes of a document in one coding.
#[derive(Debug)]
struct Form {
    bytes: Bytes,
    tag: HeaderValue,
}

impl Rendered {
    /// A document of these bytes.
    pub fn new(manner: Manner, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = sha256_base64url(&bytes);
        let tag = |form: &str| HeaderValue::try_from(format!("\"{}{form}\"", &digest[..22])).ok();
        let tag = |form: &str| tag(form).unwrap_or_else(|| HeaderValue::from_static("\"\""));
        let packed = pack(&bytes).filter(|packed| packed.len() < bytes.len());
        let packed = packed.map(|packed| Form { bytes: packed.into(), tag: tag("-gzip") });
        Self { manner, plain: Form { bytes, tag: tag("") }, packed }
    }

    /// A JSON document that may be kept so long.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn json(cache_control: &'static str, document: &impl Serialize) -> Result<Self, StoreError> {
        let text = serde_json::to_vec(document).map_err(|error| StoreError::Unusable(error.to_string()))?;
        Ok(Self::new(Manner { media_type: JSON, cache_control }, text))
    }

    /// The answer to a request for it: the form that is wanted, unless the client has it.
    pub fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let packed = self.packed.as_ref().filter(|_| takes_gzip(request));
        let form = packed.unwrap_or(&self.plain);
        let is_known = is_known(request.headers(), form.tag.as_bytes());
        let mut response = HttpResponse::build(if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
        response
            .insert_header((ETAG, form.tag.clone()))
            .insert_header((CACHE_CONTROL, HeaderValue::from_static(self.manner.cache_control)))
            .insert_header((VARY, HeaderValue::from_static("accept-encoding")));
        if is_known {
            return response.finish();
        }
        response.insert_header((CONTENT_TYPE, HeaderValue::from_static(self.manner.media_type)));
        if packed.is_some() {
            response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("gzip")));
        }
        response.body(form.bytes.clone())
    }
}

/// The bytes as gzip packs them (RFC 1952); nothing when that fails, which it has no cause to.
fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).and_then(|()| packer.finish()).ok()
}

fn takes_gzip(request: &HttpRequest) -> bool {
    // An unreadable wish is none.
    let Ok(accepted) = AcceptEncoding::parse(request) else { return false };
    accepted.negotiate([Encoding::gzip(), Encoding::identity()].iter()) == Some(Encoding::gzip())
}

/// Whether the client has the form with this tag (RFC 9110 §13.1.2). `*` is any form.
fn is_known(headers: &HeaderMap, tag: &[u8]) -> bool {
    headers.get_all(IF_NONE_MATCH).any(|list| list.as_bytes() == b"*" || lists(list.as_bytes(), tag))
}

/// Whether a list of entity tags holds this one, compared weakly (§8.8.3.2). A comma may be part of a tag. What
/// cannot be read ends the list.
fn lists(mut list: &[u8], tag: &[u8]) -> bool {
    loop {
        let start = list.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b',')).unwrap_or(list.len());
        list = &list[start..];
        list = list.strip_prefix(b"W/").unwrap_or(list);
        let end = list.iter().skip(1).position(|byte| *byte == b'"').map(|end| end + 2);
        let (Some(b'"'), Some(end)) = (list.first(), end) else { return false };
        if &list[..end] == tag {
            return true;
        }
        list = &list[end..];
    }
}

/// A document that is made anew when what it is made of changed.
#[derive(Debug)]
pub struct Kept<K>(RwLock<Option<Made<K>>>);

#[derive(Debug)]
struct Made<K> {
    of: K,
    rendered: Arc<Rendered>,
}

impl<K> Default for Kept<K> {
    fn default() -> Self {
        Self(RwLock::new(None))
    }
}

impl<K> Kept<K> {
    /// The document, if what it was made of is right.
    pub fn find(&self, is_right: impl FnOnce(&K) -> bool) -> Option<Arc<Rendered>> {
        let made = self.0.read().unwrap_or_else(PoisonError::into_inner);
        made.as_ref().filter(|made| is_right(&made.of)).map(|made| Arc::clone(&made.rendered))
    }

    /// Keeps a document with what it was made of. Nothing is kept when that has no name.
    pub fn keep(&self, of: Option<K>, rendered: Rendered) -> Arc<Rendered> {
        let rendered = Arc::new(rendered);
        if let Some(of) = of {
            let made = Made { of, rendered: Arc::clone(&rendered) };
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(made);
        }
        rendered
    }
}

impl<K: PartialEq> Kept<K> {
    /// The document that is made of this.
    ///
    /// # Errors
    /// Those of `render`.
    pub fn of(
        &self,
        of: K,
        render: impl FnOnce(&K) -> Result<Rendered, StoreError>,
    ) -> Result<Arc<Rendered>, StoreError> {
        if let Some(rendered) = self.find(|made_of| *made_of == of) {
            return Ok(rendered);
        }
        let rendered = render(&of)?;
        Ok(self.keep(Some(of), rendered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_whether_weak_or_strong() {
        let tag = b"\"a,b\"";
        for list in ["\"a,b\"", "W/\"a,b\"", "\"x\", W/\"a,b\"", "\t\"x\" ,,\"\",\"a,b\" , \"y\"", "W/\"x\",W/\"a,b\""]
        {
            assert!(lists(list.as_bytes(), tag), "{list}");
        }
        for list in ["", "\"a\", \"b\"", "a,b", "\"a,b", "x, \"a,b\"", "w/\"a,b\"", "W/ \"a,b\"", "\"A,b\"", "*"] {
            assert!(!lists(list.as_bytes(), tag), "{list}");
        }
    }

    #[test]
    fn a_document_is_made_anew_when_what_it_is_made_of_changed() {
        let (kept, manner) = (Kept::default(), Manner { media_type: JSON, cache_control: "no-cache" });
        let mut made = 0;
        for (number, times) in [(1, 1), (1, 1), (2, 2), (1, 3)] {
            let found = kept.of(number, |number| {
                made += 1;
                Ok(Rendered::new(manner, number.to_string()))
            });
            assert_eq!(found.expect("because nothing fails").plain.bytes, number.to_string());
            assert_eq!(made, times);
        }
    }
}
