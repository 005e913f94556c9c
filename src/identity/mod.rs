//! Authentication of users: sign-in, sign-up, sessions, second factors, changes to the account, and the login
//! redirect, which returns to an app with a user token.

pub mod access_reset;
pub mod account;
pub mod alerts;
pub mod api_log_in;
pub mod compromise_report;
pub mod confirm;
pub mod contact;
pub mod deletion;
pub mod email;
pub mod email_code;
pub mod emailed_links;
pub mod factors;
pub mod invitation;
pub mod leak;
pub mod login_code;
pub mod login_redirect;
pub mod new_device;
pub mod new_user;
pub mod passkeys;
pub mod password_hashing;
pub mod recovery;
pub mod remote_session;
pub mod second_step;
pub mod session;
pub mod set_up;
pub mod sign_in;
pub mod sign_up;
pub mod throttle;
