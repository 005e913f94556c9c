//! The response mode of an authorization response (OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0
//! Form Post Response Mode §2).

use super::column;

column::named! {
    /// How the authorization response is sent to the client.
    ResponseMode {
        /// In the query of a redirect: the default for codes.
        Query = "query",
        /// In the fragment of a redirect, which browsers do not send to servers.
        Fragment = "fragment",
        /// In a form that the browser posts.
        FormPost = "form_post",
    }
}
