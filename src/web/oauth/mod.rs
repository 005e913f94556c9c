//! The endpoints of OAuth 2.0 and OpenID Connect.

pub mod answer;
pub mod authorize;
pub mod client_document;
pub mod client_keys;
pub mod device;
pub mod introspect;
pub mod jwks;
pub mod logout;
pub mod metadata;
pub mod par;
pub mod protected_resource;
pub mod read_documents;
pub mod read_keys;
pub mod register;
pub mod revoke;
pub mod signing;
pub mod token;
pub mod userinfo;
