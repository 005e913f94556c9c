//! Fieldnotes, the sample app: a small site of somebody else's that lets people log in with Gatepost.

use std::sync::Arc;

use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::HttpServiceFactory;
use actix_web::guard::fn_guard;
use actix_web::web::{Data, ServiceConfig, get, post, resource};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::client::{CallError, Tokens};
use super::log_in::{Arrival, CALLBACK, Fieldnotes, LogInProblem, SIGNED_IN};
use super::session::{Attempt, Notice, Session, Sessions, SignedIn, Way, cut};
use crate::clock::{Clock, UnixTime, in_words};
use crate::oauth::parameters::Parameters;
use crate::web::page::{ok, see_other};
use crate::web::{assets, same_origin};

/// The app's cookie. Cookies ignore ports, so its name is its own.
const COOKIE: &str = "fieldnotes";

/// What every handler of the app is given.
pub struct Site {
    /// Where it is, and how it asks.
    pub fieldnotes: Fieldnotes,
    /// Its browsers.
    pub sessions: Arc<Sessions>,
    /// What time it is.
    pub clock: Clock,
}

/// The addresses of the app.
pub fn routes(config: &mut ServiceConfig, site: Data<Site>) {
    let url = site.fieldnotes.url.clone();
    config
        .app_data(site)
        .service(resource("/").route(get().to(home)))
        .service(resource("/static/{name}").route(get().to(assets::get)))
        .service(resource("/start/code").route(get().to(start_code)))
        .service(resource("/start/redirect").route(get().to(start_redirect)))
        .service(resource(CALLBACK).route(get().to(callback)))
        .service(resource(SIGNED_IN).route(get().to(signed_in)))
        .service(own_form("/call", &url).route(post().to(call)))
        .service(own_form("/refresh", &url).route(post().to(refresh)))
        .service(own_form("/log-out", &url).route(post().to(log_out)));
}

/// An address that only the app's own pages may send forms to.
fn own_form(path: &str, url: &str) -> actix_web::Resource<impl HttpServiceFactoryParts> {
    todo!()
}
