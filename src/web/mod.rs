//! How it travels: extract, call, render. No rule lives here; the one table of addresses does.

pub mod access;
pub mod api;
pub mod app;
pub mod assets;
pub mod body;
pub mod browser;
pub mod demo;
pub mod dpop;
pub mod error;
pub mod fetch;
pub mod oauth;
pub mod once;
pub mod ops;
pub mod page;
pub mod pages;
pub mod passkey;
pub mod qr;
pub mod refused;
pub mod remembered;
pub mod routes;
pub mod same_origin;
pub mod security_txt;
pub mod server;
