//! The consent page: what an application may do, said so that a tired person understands it.

use askama::Template;

use crate::domain::client::Client;
use crate::web::page::Chrome;

/// One permission.
#[derive(Clone, Debug)]
pub struct ScopeLine {
    /// The scope token.
    pub name: String,
    /// What a person reads.
    pub sentence: String,
    /// Whether the person did not allow it before.
    pub is_new: bool,
}

/// Who stands behind an application that nobody here wrote down.
pub fn made_by(client: &Client) -> String {
    client.described_at().unwrap_or_else(|| "nobody we know: it registered itself".to_owned())
}

/// `consent.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "consent.html")]
pub struct Consent {
    /// The frame.
    pub chrome: Chrome,
    /// Where the decision goes: the same request.
    pub action: String,
    /// A digest of what is shown.
    pub shown: String,
    /// The host of the application's own description, when nobody here wrote it down.
    pub described_at: Option<String>,
    /// Who asks.
    pub app_name: String,
    /// Who registered it.
    pub owner: String,
    /// Whether the operator vouches for it.
    pub is_verified: bool,
    /// How long ago it was registered.
    pub registered: String,
    /// The host that the answer goes to.
    pub redirect_host: String,
    /// The whole address.
    pub redirect_uri: String,
    /// Whether any program on this device could receive the answer.
    pub is_on_this_device: bool,
    /// Who is signed in.
    pub username: String,
    /// What is asked.
    pub scopes: Vec<ScopeLine>,
    /// Whether the person allowed this application something before.
    pub has_been_allowed_before: bool,
    /// How long it lasts, as a sentence.
    pub lasts: String,
    /// Where to change the account.
    pub other_account_url: String,
}
