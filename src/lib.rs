//! Gatepost.
pub mod clock;
pub mod domain;
pub mod oauth;
pub mod outcome;
pub mod schema;
pub mod store;
pub mod tokens;
