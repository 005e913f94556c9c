//! The protocol's endpoints.

pub mod answer;
pub mod authorize;
pub mod client_document;
pub mod device;
pub mod introspect;
pub mod metadata;
pub mod par;
pub mod register;
pub mod revoke;
pub mod token;
