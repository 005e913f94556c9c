//! The protocol's endpoints.

pub mod authorize;
pub mod device;
pub mod introspect;
pub mod metadata;
pub mod revoke;
pub mod token;
