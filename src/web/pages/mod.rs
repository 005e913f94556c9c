//! The pages that people read: a struct per page beside its handler.

pub mod account;
pub mod consent;
pub mod continue_to;
pub mod developer;
pub mod device;
pub mod home;
pub mod invitation;
pub mod keep;
pub mod log_in;
pub mod log_out;
pub mod not_me;
pub mod permissions;
pub mod problem;
pub mod register;
pub mod remote_session;
pub mod reset;
pub mod routes;
pub mod second_step;
pub mod set_up;
pub mod verify;

use actix_web::HttpRequest;
use actix_web::web::{Data, Payload};
use askama::Template;

use super::app::App;
use super::body;
use super::error::PageError;
use super::page::{Chrome, Link};
use crate::oauth::parameters::Parameters;

/// `message.html`: a calm page that says one thing.
#[derive(Clone, Debug, Template)]
#[template(path = "message.html")]
pub struct Message {
    /// The frame.
    pub chrome: Chrome,
    /// A few words.
    pub heading: String,
    /// What happened.
    pub text: String,
    /// The way on.
    pub action: Option<Link>,
}

/// The fields of a page's form; repeats are refused.
///
/// # Errors
/// A page that says what is wrong.
pub async fn read_form(app: &Data<App>, request: &HttpRequest, payload: Payload) -> Result<Parameters, PageError> {
    let form = body::form(request, payload).await.and_then(Parameters::without_repeats);
    form.map_err(|refusal| PageError::of_problem(app, refusal.problem))
}
