//! Host proofs: an account proves that a host is its own by a file below `/.well-known/` of that host (RFC 8615), which
//! only the owner of the host can create. Afterwards only applications of that account may have return URLs on that
//! host.

use diesel::prelude::*;
use serde_json::Value;
use url::Url;

use super::id::Id;
use super::json;
use super::secret::sha256_base64url;
use super::user::User;
use crate::clock::UnixTime;

/// The path of the file.
pub const PATH: &str = "/.well-known/gatepost.json";
/// The maximum number of origins that one account may prove (Gatepost's own limit).
pub const MOST: i64 = 100;

/// A proof that an origin belongs to an account.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::host_proofs)]
pub struct HostProof {
    pub id: Id<HostProof>,
    /// The scheme, host and port, in the form of an `Origin` header.
    pub origin: String,
    /// The account that proved it.
    pub owner_id: Id<User>,
    /// When the file was last read.
    pub proven_at: UnixTime,
}

/// Returns the word that identifies one account of one server in the file. It is not a secret: a host that publishes it
/// assigns itself to this account.
pub fn word_of(issuer: &str, owner: Id<User>) -> String {
    sha256_base64url(format!("gatepost host proof\n{issuer}\n{}", owner.uuid()).as_bytes())
}

/// Returns the words in a file: `{"owners": ["…"]}`; other members are ignored. `None` when the file is not of this
/// form.
pub fn words_in(file: &[u8]) -> Option<Vec<String>> {
    let file = json::parse(file).ok()?;
    let owners = file.get("owners").and_then(Value::as_array)?;
    owners.iter().map(|word| word.as_str().map(str::to_owned)).collect()
}

/// An origin that can be proven: https, and a host with a public name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvableOrigin(Url);

impl ProvableOrigin {
    /// Returns the origin of a URL that a person wrote: `app.example` is `https://app.example`.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        let address = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let address = address.parse::<super::login_return_url::ReturnUrl>().ok()?;
        let url = Url::parse(&address.origin()).ok()?;
        let is_named = url.domain().is_some_and(|name| name.contains('.'));
        (url.scheme() == "https" && is_named && !address.is_loopback()).then_some(Self(url))
    }

    /// Returns the scheme, host and port, in the form of an `Origin` header.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Returns the host without its port.
    pub fn host_name(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Returns the URL of the file.
    pub fn file(&self) -> Url {
        let mut url = self.0.clone();
        url.set_path(PATH);
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_as_people_write_it() {
        for (text, origin) in [
            ("app.example", "https://app.example"),
            (" App.example ", "https://app.example"),
            ("https://app.example/in?a=1#x", "https://app.example"),
            ("https://app.example:443/", "https://app.example"),
            ("app.example:8443", "https://app.example:8443"),
            ("bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(ProvableOrigin::of(text).map(|origin| origin.origin()).as_deref(), Some(origin), "{text}");
        }
        for text in [
            "", "localhost", "https://localhost", "http://app.example", "http://127.0.0.1", "https://127.0.0.1", "app",
            "https://10.0.0.1", "[::1]", "*.app.example", "me@app.example", "http://nas", "javascript://x.y",
        ] {
            assert_eq!(ProvableOrigin::of(text), None, "{text}");
        }
        let file = ProvableOrigin::of("app.example:8443/x?y").map(|origin| origin.file().to_string());
        assert_eq!(file.as_deref(), Some("https://app.example:8443/.well-known/gatepost.json"));
    }

    #[test]
    fn a_file_holds_words_and_nothing_else_counts() {
        let read = |text: &str| words_in(text.as_bytes());
        assert_eq!(read(r#"{"owners":["a","b"],"note":1}"#), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(read(r#"{"owners":[]}"#), Some(Vec::new()));
        for other in
            ["", "<html>", "[]", "{}", r#"{"owners":"a"}"#, r#"{"owners":[1]}"#, r#"{"owners":["a"],"owners":["b"]}"#]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn each_account_of_each_server_has_a_word_of_its_own() {
        let (ann, ben) = (Id::from_number(1), Id::from_number(2));
        let words = [
            word_of("https://id.example", ann),
            word_of("https://id.example", ben),
            word_of("https://other.example", ann),
        ];
        assert!(words[0] != words[1] && words[0] != words[2] && words.iter().all(|word| word.len() == 43));
    }
}
