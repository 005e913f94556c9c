//! The one table of addresses; [`pages::routes`] has those of the pages.

use actix_cors::Cors;
use actix_web::http::{Method, header};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig, delete, patch, post, put, resource, scope};
use actix_web::{HttpResponse, ResponseError, Route, guard};

pub use super::access::{ADDRESSES, Access};
use super::api::error::ApiError;
use super::app::App;
use super::error::TokenError;
use super::oauth::protected_resource;
use super::page::see_other;
use super::{api, assets, browser, dpop, oauth, pages, refused, same_origin, security_txt};
use crate::oauth::Refusal;
use crate::oauth::problem::METHOD_NOT_ALLOWED;

/// The addresses below the public URL's path.
pub fn routes(config: &mut ServiceConfig, app: &Data<App>) {
    let base = app.public.base.as_str();
    if !base.is_empty() {
        // RFC 8414 §3.1: the path of an issuer stands behind the well-known part.
        for name in WELL_KNOWN {
            config.service(well_known(&format!("/.well-known/{name}{base}")));
        }
        config.service(
            program(&format!("{}{base}{{at:|/v3}}", protected_resource::WELL_KNOWN), "GET, HEAD")
                .route(get().to(protected_resource::get))
                .wrap(cors()),
        );
        // RFC 9116 §3: where readers look, whatever path we have.
        config.service(security_txt());
        // Password managers look at the root as well (A Well-Known URL for Changing Passwords §2).
        config.service(program("/.well-known/change-password", "GET, HEAD").route(get().to(change_password)));
    }
    let served = scope(base)
        .service(well_known(&format!("/.well-known/{}", WELL_KNOWN[0])))
        .service(well_known(&format!("/.well-known/{}", WELL_KNOWN[1])))
        .service(
            program("/.well-known/oauth-protected-resource{at:|/v3}", "GET, HEAD")
                .route(get().to(protected_resource::get))
                .wrap(cors()),
        )
        .service(security_txt())
        .service(program("/oauth/token", "POST").route(post().to(oauth::token::post)).wrap(cors()))
        .service(program("/oauth/revoke", "POST").route(post().to(oauth::revoke::post)).wrap(cors()))
        .service(program("/oauth/introspect", "POST").route(post().to(oauth::introspect::post)).wrap(cors()))
        .service(program("/oauth/par", "POST").route(post().to(oauth::par::post)).wrap(cors()))
        // Without CORS: a page would ask from its visitor's own network, and look near to them.
        .service(program("/oauth/device", "POST").route(post().to(oauth::device::post)))
        .service(program("/oauth/jwks", "GET, HEAD").route(get().to(oauth::jwks::get)).wrap(cors()))
        .service(
            program("/oauth/userinfo", "GET, HEAD, POST")
                .route(get().to(oauth::userinfo::get))
                .route(post().to(oauth::userinfo::post))
                .wrap(from_fn(protected_resource::name_in_challenges))
                .wrap(cors()),
        )
        .service(program("/oauth/register", "POST").route(post().to(oauth::register::post)).wrap(cors()))
        .service(
            program("/oauth/register/{client_id}", "GET, HEAD, PUT, DELETE")
                .route(get().to(oauth::register::get))
                .route(put().to(oauth::register::put))
                .route(delete().to(oauth::register::delete))
                .wrap(cors()),
        )
        .service(program("/v3{at:|/}", "GET, HEAD").route(get().to(api::account::name)).wrap(cors()))
        // The platform's own address of the authorization endpoint: a page, so without CORS.
        .service(
            program("/v3/oauth/authorize", "GET, HEAD, POST")
                .route(get().to(oauth::authorize::moved))
                .route(post().to(api::oauth::authorize)),
        )
        .service(v3())
        .service(studio())
        .service(resource("/auth/check").route(get().to(api::check::get)).default_service(web::to(api::check::get)))
        .service(program("/credentials/revoke", "POST").route(post().to(api::credentials::revoke)).wrap(cors()))
        .service(
            program("/login/code", "POST, OPTIONS")
                .route(post().to(api::login_code::post))
                .route(web::method(Method::OPTIONS).to(api::login_code::preflight)),
        )
        .service(program("/static/{name}", "GET, HEAD").route(get().to(assets::get)))
        .service(program("/login.js", "GET, HEAD").route(get().to(assets::login_js)))
        .service(management())
        .service(studio_session(app))
        .service(pages::routes::pages(app));
    config.service(served);
}

async fn change_password(app: Data<App>) -> HttpResponse {
    see_other(&app.public.path("/.well-known/change-password"))
}

const WELL_KNOWN: [&str; 2] = ["oauth-authorization-server", "openid-configuration"];

fn well_known(path: &str) -> impl actix_web::dev::HttpServiceFactory + 'static {
    program(path, "GET, HEAD").route(get().to(oauth::metadata::get)).wrap(cors())
}

fn security_txt() -> actix_web::Resource {
    program("/.well-known/security.txt", "GET, HEAD").route(get().to(security_txt::get))
}

/// The first platform's account API (`docs/compatibility/ellipsis.md`): never a cookie, any origin.
fn v3() -> impl actix_web::dev::HttpServiceFactory + 'static {
    scope("/v3")
        .service(
            program("/account", "GET, HEAD, POST, DELETE")
                .route(get().to(api::account::get))
                .route(post().to(api::account::create))
                .route(delete().to(api::account::delete)),
        )
        .service(program("/account/login", "POST").route(post().to(api::log_in::post)))
        .service(program("/account/profile", "PATCH").route(patch().to(api::account::profile)))
        .service(program("/account/username", "PUT").route(put().to(api::account::username)))
        .service(program("/account/root/{name}", "GET, HEAD").route(get().to(api::account::root)))
        .service(program("/account/security/password/update", "POST").route(post().to(api::security::update_password)))
        .service(program("/account/security/password/reset", "POST").route(post().to(api::security::reset_password)))
        .service(program("/account/security/password/validate", "POST").route(post().to(api::security::finish_reset)))
        .service(program("/account/security/email/update", "POST").route(post().to(api::security::update_email)))
        .service(program("/account/security/email/validate", "POST").route(post().to(api::security::validate_email)))
        .service(
            program("/account/security/{name:accessToken|personalAccessToken}", "GET, HEAD, POST")
                .route(get().to(api::access_tokens::list))
                .route(post().to(api::access_tokens::create)),
        )
        .service(
            program("/account/security/{name:accessToken|personalAccessToken}/{id}", "DELETE")
                .route(delete().to(api::access_tokens::delete)),
        )
        .service(program("/account/security/remoteSession", "POST").route(post().to(api::remote_session::start)))
        .service(
            program("/account/security/remoteSession/{id}/exercise", "POST")
                .route(post().to(api::remote_session::exercise)),
        )
        .service(
            program("/validate", "GET, HEAD, POST")
                .route(get().to(api::account::validate))
                .route(post().to(api::account::validate)),
        )
        .service(program("/user", "GET, HEAD").route(get().to(api::users::search)))
        .service(program("/user/invite", "POST").route(post().to(api::users::invite)))
        .service(program("/user/{id}", "GET, HEAD").route(get().to(api::users::get)))
        .service(program("/user/{id}/contact", "POST").route(post().to(api::users::contact)))
        .service(program("/oauth/token", "POST").route(post().to(api::oauth::token)))
        .default_service(web::to(no_such_endpoint))
        .wrap(from_fn(protected_resource::name_in_challenges))
        .wrap(cors())
}

/// The second platform's token door (`docs/compatibility/spatial-studio.md#creating-a-token`): never a cookie, any
/// origin.
fn studio() -> impl actix_web::dev::HttpServiceFactory + 'static {
    scope("/spatialstudio/oauth/v1")
        .service(program("/user/token", "POST").route(post().to(api::studio::mint)))
        .default_service(web::to(no_such_endpoint))
        .wrap(cors())
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
        .wrap(from_fn(same_origin::guard_programs))
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

/// Any origin, no cookies, errors included (RFC 10017; `docs/decisions/0037-client-libraries.md`).
fn cors() -> Cors {
    Cors::default()
        .allow_any_origin()
        .send_wildcard()
        .allowed_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        // No cookie is read here, so what tracing, a library or a protocol adds can do no harm.
        .allow_any_header()
        .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER])
        .expose_headers([dpop::NONCE, refused::REQUEST_ID])
        .max_age(3_600)
}
