//! The one table of addresses; [`pages::routes`] has those of the pages.

use actix_web::http::{Method, header};
use actix_web::web::{self, Data, ServiceConfig, delete, patch, post, put, resource, scope};
use actix_web::{HttpResponse, ResponseError, Route, guard};

pub use super::access::{ADDRESSES, Access};
use super::api::error::ApiError;
use super::app::App;
use super::cors::any_origin;
use super::error::TokenError;
use super::layer::Around;
use super::oauth::protected_resource::{self, NameInChallenges};
use super::page::see_other;
use super::{api, assets, browser, oauth, pages, same_origin, security_txt};
use crate::oauth::Refusal;
use crate::oauth::problem::METHOD_NOT_ALLOWED;
use crate::oauth::protected_resource::PATH;

/// The addresses below the public URL's path. They are tried in turn, so what is asked most often comes first, and
/// patterns, which cost a hundred times what fixed addresses do, come late.
pub fn routes(config: &mut ServiceConfig, app: &Data<App>) {
    let base = app.public.base.as_str();
    documents(config, base);
    if !base.is_empty() {
        // Password managers look at the root as well (A Well-Known URL for Changing Passwords §2).
        config.service(program("/.well-known/change-password", "GET, HEAD").route(get().to(change_password)));
    }
    let served = scope(base)
        .service(program("/oauth/token", "POST").route(post().to(oauth::token::post)).wrap(any_origin()))
        .service(program("/oauth/introspect", "POST").route(post().to(oauth::introspect::post)).wrap(any_origin()))
        .service(resource("/auth/check").route(get().to(api::check::get)).default_service(web::to(api::check::get)))
        // The platform's own address of the authorization endpoint: a page, so without CORS.
        .service(
            program("/v3/oauth/authorize", "GET, HEAD, POST")
                .route(get().to(oauth::authorize::moved))
                .route(post().to(api::oauth::authorize)),
        )
        .service(v3(app))
        .service(
            program("/oauth/userinfo", "GET, HEAD, POST")
                .route(get().to(oauth::userinfo::get))
                .route(post().to(oauth::userinfo::post))
                .wrap(name_in_challenges(app))
                .wrap(any_origin()),
        )
        .service(program("/oauth/revoke", "POST").route(post().to(oauth::revoke::post)).wrap(any_origin()))
        .service(program("/oauth/par", "POST").route(post().to(oauth::par::post)).wrap(any_origin()))
        // Without CORS: a page would ask from its visitor's own network, and look near to them.
        .service(program("/oauth/device", "POST").route(post().to(oauth::device::post)))
        .service(program("/login.js", "GET, HEAD").route(get().to(assets::login_js)))
        .service(files())
        .service(
            program("/login/code", "POST, OPTIONS")
                .route(post().to(api::login_code::post))
                .route(web::method(Method::OPTIONS).to(api::login_code::preflight)),
        )
        .service(program("/credentials/revoke", "POST").route(post().to(api::credentials::revoke)).wrap(any_origin()))
        .service(studio())
        .service(management())
        .service(studio_session(app))
        .service(register())
        .service(pages::routes::pages(app));
    config.service(served);
}

/// What lies ready comes before all else.
fn documents(config: &mut ServiceConfig, base: &str) {
    for name in WELL_KNOWN {
        config.service(metadata(&format!("{base}/.well-known/{name}")));
    }
    config
        .service(document(base, "/oauth/jwks").route(get().to(oauth::jwks::get)).wrap(any_origin()))
        .service(
            document(base, "/.well-known/oauth-protected-resource/v3")
                .route(get().to(protected_resource::get))
                .wrap(any_origin()),
        )
        .service(
            document(base, "/.well-known/oauth-protected-resource")
                .route(get().to(protected_resource::get))
                .wrap(any_origin()),
        )
        .service(security_txt(base));
    if base.is_empty() {
        return;
    }
    // RFC 8414 §3.1, RFC 9728 §3.1: the path of an issuer stands behind the well-known part.
    for name in WELL_KNOWN {
        config.service(metadata(&format!("/.well-known/{name}{base}")));
    }
    for path in ["", PATH] {
        let behind = format!("{}{base}{path}", protected_resource::WELL_KNOWN);
        config.service(document("", &behind).route(get().to(protected_resource::get)).wrap(any_origin()));
    }
    // RFC 9116 §3: where readers look, whatever path we have.
    config.service(security_txt(""));
}

async fn change_password(app: Data<App>) -> HttpResponse {
    see_other(&app.public.path("/.well-known/change-password"))
}

const WELL_KNOWN: [&str; 2] = ["oauth-authorization-server", "openid-configuration"];

fn metadata(path: &str) -> impl actix_web::dev::HttpServiceFactory + 'static {
    document("", path).route(get().to(oauth::metadata::get)).wrap(any_origin())
}

fn security_txt(base: &str) -> actix_web::Resource {
    document(base, "/.well-known/security.txt").route(get().to(security_txt::get))
}

fn document(base: &str, path: &str) -> actix_web::Resource {
    program(&format!("{base}{path}"), "GET, HEAD")
}

/// Stylesheets, scripts, the picture, each at its fixed address.
fn files() -> impl actix_web::dev::HttpServiceFactory + 'static {
    let fixed = assets::names().enumerate().fold(scope("/static"), |files, (number, name)| {
        let send = move |request| assets::send(request, number);
        files.service(program(name, "GET, HEAD").route(get().to(send)))
    });
    fixed.service(program("/{name}", "GET, HEAD").route(get().to(assets::get)))
}

fn name_in_challenges(app: &Data<App>) -> Around<NameInChallenges> {
    Around::new(NameInChallenges(app.clone()))
}

/// Where applications register themselves (RFC 7591, RFC 7592).
fn register() -> impl actix_web::dev::HttpServiceFactory + 'static {
    scope("/oauth/register")
        .service(program("", "POST").route(post().to(oauth::register::post)))
        .service(
            program("/{client_id}", "GET, HEAD, PUT, DELETE")
                .route(get().to(oauth::register::get))
                .route(put().to(oauth::register::put))
                .route(delete().to(oauth::register::delete)),
        )
        .default_service(web::to(no_such_endpoint))
        .wrap(any_origin())
}

/// The first platform's account API (`docs/compatibility/ellipsis.md`): never a cookie, any origin.
fn v3(app: &Data<App>) -> impl actix_web::dev::HttpServiceFactory + 'static {
    scope("/v3")
        .service(
            program("/account", "GET, HEAD, POST, DELETE")
                .route(get().to(api::account::get))
                .route(post().to(api::account::create))
                .route(delete().to(api::account::delete)),
        )
        .service(
            program("/validate", "GET, HEAD, POST")
                .route(get().to(api::account::validate))
                .route(post().to(api::account::validate)),
        )
        .service(program("/oauth/token", "POST").route(post().to(api::oauth::token)))
        .service(program("/user", "GET, HEAD").route(get().to(api::users::search)))
        .service(program("/user/invite", "POST").route(post().to(api::users::invite)))
        .service(program("", "GET, HEAD").route(get().to(api::account::name)))
        .service(program("/", "GET, HEAD").route(get().to(api::account::name)))
        .service(program("/account/login", "POST").route(post().to(api::log_in::post)))
        .service(program("/account/profile", "PATCH").route(patch().to(api::account::profile)))
        .service(program("/account/username", "PUT").route(put().to(api::account::username)))
        .service(program("/account/security/password/update", "POST").route(post().to(api::security::update_password)))
        .service(program("/account/security/password/reset", "POST").route(post().to(api::security::reset_password)))
        .service(program("/account/security/password/validate", "POST").route(post().to(api::security::finish_reset)))
        .service(program("/account/security/email/update", "POST").route(post().to(api::security::update_email)))
        .service(program("/account/security/email/validate", "POST").route(post().to(api::security::validate_email)))
        .service(program("/account/security/remoteSession", "POST").route(post().to(api::remote_session::start)))
        .service(program("/account/root/{name}", "GET, HEAD").route(get().to(api::account::root)))
        .service(
            program("/account/security/{name:accessToken|personalAccessToken}", "GET, HEAD, POST")
                .route(get().to(api::access_tokens::list))
                .route(post().to(api::access_tokens::create)),
        )
        .service(
            program("/account/security/{name:accessToken|personalAccessToken}/{id}", "DELETE")
                .route(delete().to(api::access_tokens::delete)),
        )
        .service(
            program("/account/security/remoteSession/{id}/exercise", "POST")
                .route(post().to(api::remote_session::exercise)),
        )
        .service(program("/user/{id}", "GET, HEAD").route(get().to(api::users::get)))
        .service(program("/user/{id}/contact", "POST").route(post().to(api::users::contact)))
        .default_service(web::to(no_such_endpoint))
        .wrap(name_in_challenges(app))
        .wrap(any_origin())
}

/// The second platform's token door (`docs/compatibility/spatial-studio.md#creating-a-token`): never a cookie, any
/// origin.
fn studio() -> impl actix_web::dev::HttpServiceFactory + 'static {
    scope("/spatialstudio/oauth/v1")
        .service(program("/user/token", "POST").route(post().to(api::studio::mint)))
        .default_service(web::to(no_such_endpoint))
        .wrap(any_origin())
}

/// What an API that the operator runs tells us (ours): its own credentials, no cookie, no CORS.
fn management() -> impl actix_web::dev::HttpServiceFactory + 'static {
    scope("/management")
        .service(program("/resources", "GET, HEAD").route(get().to(api::resources::list)))
        .service(
            program("/resources/{id}", "PUT, DELETE")
                .route(put().to(api::resources::put))
                .route(delete().to(api::resources::delete)),
        )
        .service(
            program("/resources/{id}/public", "PUT, DELETE")
                .route(put().to(api::resources::publish))
                .route(delete().to(api::resources::unpublish)),
        )
        .service(
            program("/resources/{id}/shares/{user}", "PUT, DELETE")
                .route(put().to(api::resources::share))
                .route(delete().to(api::resources::unshare)),
        )
        .default_service(web::to(no_such_endpoint))
}

/// The second platform's session door (`docs/compatibility/spatial-studio.md#the-sessions-addresses`): the session's
/// cookie, our own pages.
fn studio_session(app: &Data<App>) -> impl actix_web::dev::HttpServiceFactory + 'static {
    scope("/spatialstudio/api/v1")
        .service(program("/user/token", "GET, HEAD").route(get().to(api::studio::list)))
        .service(program("/user/token/{id}", "DELETE").route(delete().to(api::studio::delete)))
        .service(program("/user/filesettoken", "POST").route(post().to(api::studio::create_fileset)))
        .service(program("/user/generatortoken", "GET, HEAD").route(get().to(api::studio::generator)))
        .service(program("/user/generatortoken/regenerate", "POST").route(post().to(api::studio::regenerate)))
        .default_service(web::to(no_such_endpoint))
        .wrap(Around::new(same_origin::Programs(app.clone())))
        .wrap(browser::middleware(app))
}

/// An endpoint of programs: other methods get an error that a program can read.
fn program(path: &str, allow: &'static str) -> actix_web::Resource {
    resource(path.to_owned()).default_service(web::to(move |app| wrong_method(app, allow)))
}

async fn wrong_method(app: Data<App>, allow: &'static str) -> HttpResponse {
    let refusal = Refusal { problem: &METHOD_NOT_ALLOWED, cause: "another method" };
    let mut response = TokenError::refused(&app, refusal).with_message().error_response();
    // RFC 9110 §15.5.6.
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allow));
    response
}

async fn no_such_endpoint() -> HttpResponse {
    ApiError::not_found().error_response()
}

/// GET, and HEAD like it (RFC 9110 §9.3.2).
pub(super) fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}
