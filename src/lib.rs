//! Gatepost.
pub mod clock;
pub mod domain;
pub mod outcome;
pub mod schema;
pub mod store;
