//! The HTTP interface: extracts parameters, calls the rules, renders responses. It contains no rule, and all
//! addresses are in one table.

pub mod api;
pub mod app;
pub mod assets;
pub mod body;
pub mod browser;
pub mod cors;
pub mod demo;
pub mod dpop;
pub mod error;
pub mod error_answers;
pub mod every_answer;
pub mod fetch;
pub mod layer;
pub mod oauth;
pub mod ops;
pub mod page;
pub mod pages;
pub mod passkey;
pub mod published;
pub mod qr;
pub mod readiness;
pub mod refusal_details;
pub mod refusal_notes;
pub mod remembered_browser;
pub mod rendered;
pub mod routes;
pub mod same_origin;
pub mod security_txt;
pub mod sent_forms;
pub mod server;
