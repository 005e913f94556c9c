//! How an authorization answer travels (OAuth 2.0 Multiple Response Type Encoding Practices §2.1,
//! OAuth 2.0 Form Post Response Mode §2).

use super::column;

column::named! {
    /// The ways there are.
    ResponseMode {
        /// In the query of a redirect: the default for codes.
        Query = "query",
        /// In the fragment of a redirect, which no server sees.
        Fragment = "fragment",
        /// In a form that the browser posts.
        FormPost = "form_post",
    }
}
