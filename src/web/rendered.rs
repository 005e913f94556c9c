//! Documents that are rendered once and sent many times. Each is cached plain and compressed, and each form
//! has its own entity tag (RFC 9110 §8.8.3.3), so that a client that has the document gets status 304
//! (§15.4.5).

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

/// The media type of the documents for programs.
const JSON: &str = "application/json";

/// The headers that a document is sent with.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryOptions {
    pub media_type: &'static str,
    pub cache_control: &'static str,
}

/// A rendered document with its headers, plain and compressed.
#[derive(Debug)]
pub struct Rendered {
    delivery: DeliveryOptions,
    plain: Form,
    packed: Option<Form>,
}

/// The bytes of a document in one content coding, with their entity tag.
#[derive(Debug)]
struct Form {
    bytes: Bytes,
    tag: HeaderValue,
}

impl Rendered {
    /// Returns a document with these bytes.
    pub fn new(delivery: DeliveryOptions, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = sha256_base64url(&bytes);
        let tag = |form: &str| HeaderValue::try_from(format!("\"{}{form}\"", &digest[..22])).ok();
        let tag = |form: &str| tag(form).unwrap_or_else(|| HeaderValue::from_static("\"\""));
        let packed = pack(&bytes).filter(|packed| packed.len() < bytes.len());
        let packed = packed.map(|packed| Form { bytes: packed.into(), tag: tag("-gzip") });
        Self { delivery, plain: Form { bytes, tag: tag("") }, packed }
    }

    /// Returns a JSON document with this `Cache-Control`.
    ///
    /// # Errors
    /// When the value cannot be serialized as JSON.
    pub fn json(cache_control: &'static str, document: &impl Serialize) -> Result<Self, StoreError> {
        let text = serde_json::to_vec(document).map_err(|error| StoreError::Unusable(error.to_string()))?;
        Ok(Self::new(DeliveryOptions { media_type: JSON, cache_control }, text))
    }

    /// Responds to a request for the document, with status 304 when the client has it already.
    pub fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let packed = self.packed.as_ref().filter(|_| takes_gzip(request));
        let form = packed.unwrap_or(&self.plain);
        let is_known = is_known(request.headers(), form.tag.as_bytes());
        let mut response = HttpResponse::build(if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
        response
            .insert_header((ETAG, form.tag.clone()))
            .insert_header((CACHE_CONTROL, HeaderValue::from_static(self.delivery.cache_control)))
            .insert_header((VARY, HeaderValue::from_static("accept-encoding")));
        if is_known {
            return response.finish();
        }
        response.insert_header((CONTENT_TYPE, HeaderValue::from_static(self.delivery.media_type)));
        if packed.is_some() {
            response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("gzip")));
        }
        response.body(form.bytes.clone())
    }
}

/// Compresses the bytes with gzip (RFC 1952). Returns `None` when that fails, which is not expected.
fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).and_then(|()| packer.finish()).ok()
}

fn takes_gzip(request: &HttpRequest) -> bool {
    // A header that cannot be parsed counts as absent.
    let Ok(accepted) = AcceptEncoding::parse(request) else { return false };
    accepted.negotiate([Encoding::gzip(), Encoding::identity()].iter()) == Some(Encoding::gzip())
}

/// Returns whether the client has the document with this entity tag (RFC 9110 §13.1.2). `*` matches any tag.
fn is_known(headers: &HeaderMap, tag: &[u8]) -> bool {
    headers.get_all(IF_NONE_MATCH).any(|list| list.as_bytes() == b"*" || lists(list.as_bytes(), tag))
}

/// Returns whether a list contains an entity tag, by weak comparison (§8.8.3.2). An entity tag may contain a
/// comma. The list ends at the first part that cannot be parsed.
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

/// A cached document, which is rendered again when the values that it was made from change.
#[derive(Debug)]
pub struct DocumentCache<K>(RwLock<Option<Made<K>>>);

#[derive(Debug)]
struct Made<K> {
    of: K,
    rendered: Arc<Rendered>,
}

impl<K> Default for DocumentCache<K> {
    fn default() -> Self {
        Self(RwLock::new(None))
    }
}

impl<K> DocumentCache<K> {
    /// Returns the document when the values that it was made from satisfy the condition.
    pub fn find(&self, is_right: impl FnOnce(&K) -> bool) -> Option<Arc<Rendered>> {
        let made = self.0.read().unwrap_or_else(PoisonError::into_inner);
        made.as_ref().filter(|made| is_right(&made.of)).map(|made| Arc::clone(&made.rendered))
    }

    /// Caches a document with the values that it was made from. Without them the document is not cached.
    pub fn insert(&self, of: Option<K>, rendered: Rendered) -> Arc<Rendered> {
        let rendered = Arc::new(rendered);
        if let Some(of) = of {
            let made = Made { of, rendered: Arc::clone(&rendered) };
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(made);
        }
        rendered
    }
}

impl<K: PartialEq> DocumentCache<K> {
    /// Returns the document for these values, and renders it when they changed.
    ///
    /// # Errors
    /// When `render` fails.
    pub fn of(
        &self,
        of: K,
        render: impl FnOnce(&K) -> Result<Rendered, StoreError>,
    ) -> Result<Arc<Rendered>, StoreError> {
        if let Some(rendered) = self.find(|made_of| *made_of == of) {
            return Ok(rendered);
        }
        let rendered = render(&of)?;
        Ok(self.insert(Some(of), rendered))
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
        let (kept, delivery) =
            (DocumentCache::default(), DeliveryOptions { media_type: JSON, cache_control: "no-cache" });
        let mut made = 0;
        for (number, times) in [(1, 1), (1, 1), (2, 2), (1, 3)] {
            let found = kept.of(number, |number| {
                made += 1;
                Ok(Rendered::new(delivery, number.to_string()))
            });
            assert_eq!(found.expect("because nothing fails").plain.bytes, number.to_string());
            assert_eq!(made, times);
        }
    }
}
