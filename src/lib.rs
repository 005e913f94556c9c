//! Gatepost.
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod identity;
pub mod oauth;
pub mod outcome;
pub mod schema;
pub mod store;
pub mod tokens;
pub mod upkeep;
pub mod web;
