//! The protocol's endpoints.

pub mod authorize;
pub mod client_document;
pub mod introspect;
pub mod metadata;
pub mod register;
pub mod revoke;
pub mod token;
