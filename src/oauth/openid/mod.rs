//! OpenID Connect: who logged in, told to the application by a signed token and by userinfo.

pub mod claims;
pub mod id_token;
pub mod logout;
