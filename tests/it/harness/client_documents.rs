//! A shelf of clients' documents, in the place of the world.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatepost::web::fetch::{Document, Fetch, FetchError, Fetched};
use serde_json::Value;
use url::Url;

use super::Server;

/// Documents by their addresses; what is not there is out of reach.
#[derive(Default)]
pub struct ClientDocuments {
    documents: Mutex<HashMap<String, Document>>,
    gone: Mutex<HashSet<String>>,
    reads: AtomicUsize,
}

impl ClientDocuments {
    /// A shelf that the server reads from.
    pub fn of(server: &Server) -> Arc<Self> {
        let documents = Arc::new(Self::default());
        server.app.documents.read_by(documents.clone());
        documents
    }

    /// Puts a document there, with how long it may be kept.
    pub fn put(&self, url: &str, document: &Value, cache_control: Option<&str>) {
        self.put_bytes(url, document.to_string().into_bytes(), cache_control);
    }

    pub fn put_bytes(&self, url: &str, body: Vec<u8>, cache_control: Option<&str>) {
        let document = Document { body, cache_control: cache_control.map(str::to_owned) };
        self.documents.lock().expect("because nobody panicked with it").insert(url.to_owned(), document);
    }

    /// Takes a document away, so that its host is out of reach, or says that there is none.
    pub fn take(&self, url: &str, is_gone: bool) {
        self.documents.lock().expect("because nobody panicked with it").remove(url);
        if is_gone {
            self.gone.lock().expect("because nobody panicked with it").insert(url.to_owned());
        }
    }

    /// How often anything was read.
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

impl Fetch for ClientDocuments {
    fn fetch<'a>(&'a self, url: &'a Url, _most: usize) -> Fetched<'a> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let found = self.documents.lock().expect("because nobody panicked with it").get(url.as_str()).cloned();
        let is_gone = self.gone.lock().expect("because nobody panicked with it").contains(url.as_str());
        Box::pin(async move {
            actix_web::rt::time::sleep(Duration::from_millis(20)).await;
            found.ok_or(if is_gone { FetchError::Gone } else { FetchError::Unreachable })
        })
    }
}
