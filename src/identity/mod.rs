//! Who somebody is: signing in and up, sessions, and going back to an app with a user token.

pub mod account;
pub mod alerts;
pub mod api_log_in;
pub mod confirm;
pub mod deletion;
pub mod email;
pub mod email_code;
pub mod factors;
pub mod familiar;
pub mod invitation;
pub mod leak;
pub mod login_code;
pub mod login_redirect;
pub mod mailed;
pub mod not_me;
pub mod passkeys;
pub mod password_hashing;
pub mod people;
pub mod recovery;
pub mod remote_session;
pub mod second_step;
pub mod session;
pub mod set_up;
pub mod sign_in;
pub mod sign_up;
pub mod throttle;
