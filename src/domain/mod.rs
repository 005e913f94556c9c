//! What is true on paper: values, records and their rules. No input or output happens here.

pub mod api;
pub mod authorization_code;
pub mod base_key;
pub mod client;
pub mod client_secret;
pub(crate) mod column;
pub mod consent;
pub mod form;
pub mod grant;
pub mod id;
pub mod installation;
pub mod lifetimes;
pub mod login_return_url;
pub mod password;
pub mod pkce;
pub mod redirect_uri;
pub mod refresh_token;
pub mod registration;
pub mod scope;
pub mod secret;
pub mod session;
pub mod token;
pub mod token_in_use;
pub mod token_record;
pub mod user;
pub mod words;
