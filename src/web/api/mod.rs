//! The APIs for programs. They apply the same rules as the pages and OAuth.

pub mod access_tokens;
pub mod account;
pub mod bearer;
pub mod check;
pub mod credentials;
pub mod error;
pub mod json;
pub mod log_in;
pub mod login_code;
pub mod oauth;
mod proxied_request;
pub mod remote_session;
pub mod resources;
pub mod security;
pub mod session;
pub mod studio;
pub mod users;
