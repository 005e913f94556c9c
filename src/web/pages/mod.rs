//! The pages for people: each is a struct beside its handler.

pub mod account;
pub mod compromise_report;
pub mod consent;
pub mod continue_to;
pub mod developer;
pub mod device;
pub mod home;
pub mod invitation;
pub mod log_in;
pub mod log_out;
pub mod permissions;
pub mod problem;
pub mod register;
pub mod remote_session;
pub mod reset;
pub mod restore_account;
mod return_refused;
pub mod second_step;
pub mod set_up;
pub mod verify;

use actix_web::web::Payload;
use actix_web::{FromRequest, HttpRequest, dev};
use askama::Template;

use super::body;
use super::browser::Pending;
use super::error::PageError;
use super::page::{Layout, Link};
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;

/// The data of the template `message.html`: a page with a single message.
#[derive(Clone, Debug, Template)]
#[template(path = "message.html")]
pub struct Message {
    pub layout: Layout,
    pub heading: String,
    pub text: String,
    /// The link to continue with.
    pub action: Option<Link>,
}

/// The fields of a page's form. A field that is repeated or cannot be parsed is refused with an error page.
pub struct Form(pub Parameters);

impl FromRequest for Form {
    type Error = PageError;
    type Future = Pending<Self, PageError>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (request, payload) = (request.clone(), Payload::from_request(request, payload));
        Box::pin(async move {
            let payload = payload.await.map_err(|_never| PageError::from(Problem::MalformedRequest))?;
            let form = body::form(&request, payload).await.and_then(Parameters::without_repeats);
            Ok(Self(form?))
        })
    }
}
