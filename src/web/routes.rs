//! The one table of addresses.

use actix_cors::Cors;
use actix_web::http::{Method, header};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, PathConfig, ServiceConfig, delete, patch, post, put, resource, scope};
use actix_web::{HttpResponse, ResponseError, Route, guard};

pub use super::access::Access;
use super::api::error::ApiError;
use super::app::App;
use super::error::TokenError;
use super::oauth::protected_resource;
use super::pages::{
    account, developer, device, home, invitation, log_in, log_out, problem, register, reset, set_up, verify,
};
use super::{api, assets, browser, dpop, oauth, same_origin};
use crate::oauth::Refusal;
use crate::oauth::problem::METHOD_NOT_ALLOWED;

/// Every address, with its method and who may call it. A test walks this list and fails when one
/// has no access test.
pub const ADDRESSES: &[(&str, &str, Access)] = &[
    ("GET", "/.well-known/oauth-authorization-server", Access::Anybody),
    ("GET", "/.well-known/openid-configuration", Access::Anybody),
    ("GET", "/.well-known/oauth-protected-resource", Access::Anybody),
    ("GET", "/.well-known/oauth-protected-resource/v3", Access::Anybody),
    ("POST", "/oauth/token", Access::Client),
    ("POST", "/oauth/revoke", Access::Client),
    ("POST", "/oauth/introspect", Access::Client),
    ("POST", "/oauth/par", Access::Client),
    ("POST", "/oauth/device", Access::Client),
    ("GET", "/oauth/jwks", Access::Program),
    ("GET", "/oauth/userinfo", Access::Token),
    ("POST", "/oauth/userinfo", Access::Token),
    ("GET", "/oauth/logout", Access::Anybody),
    ("POST", "/oauth/logout", Access::Anybody),
    ("POST", "/oauth/register", Access::Program),
    ("GET", "/oauth/register/{client_id}", Access::Program),
    ("PUT", "/oauth/register/{client_id}", Access::Program),
    ("DELETE", "/oauth/register/{client_id}", Access::Program),
    ("GET", "/v3", Access::Program),
    ("GET", "/v3/oauth/authorize", Access::Program),
    ("POST", "/v3/oauth/authorize", Access::Program),
    ("POST", "/v3/oauth/token", Access::Client),
    ("GET", "/v3/account", Access::Token),
    ("POST", "/v3/account", Access::Program),
    ("DELETE", "/v3/account", Access::Token),
    ("POST", "/v3/account/login", Access::Program),
    ("PATCH", "/v3/account/profile", Access::Token),
    ("PUT", "/v3/account/username", Access::Token),
    ("GET", "/v3/account/root/{name}", Access::Token),
    ("POST", "/v3/account/security/password/update", Access::Token),
    ("GET", "/v3/account/security/accessToken", Access::Token),
    ("POST", "/v3/account/security/accessToken", Access::Token),
    ("DELETE", "/v3/account/security/accessToken/{id}", Access::Token),
    ("GET", "/v3/account/security/personalAccessToken", Access::Token),
    ("POST", "/v3/account/security/personalAccessToken", Access::Token),
    ("DELETE", "/v3/account/security/personalAccessToken/{id}", Access::Token),
    ("POST", "/v3/account/security/password/reset", Access::Program),
    ("POST", "/v3/account/security/password/validate", Access::Program),
    ("POST", "/v3/account/security/email/update", Access::Token),
    ("POST", "/v3/account/security/email/validate", Access::Program),
    ("POST", "/v3/account/security/remoteSession", Access::Program),
    ("POST", "/v3/account/security/remoteSession/{id}/exercise", Access::Program),
    ("GET", "/v3/validate", Access::Program),
    ("POST", "/v3/validate", Access::Program),
    ("GET", "/v3/user", Access::Program),
    ("POST", "/v3/user/invite", Access::Token),
    ("GET", "/v3/user/{id}", Access::Program),
    ("POST", "/spatialstudio/oauth/v1/user/token", Access::Token),
    ("GET", "/spatialstudio/api/v1/user/token", Access::Session),
    ("DELETE", "/spatialstudio/api/v1/user/token/{id}", Access::Session),
    ("POST", "/spatialstudio/api/v1/user/filesettoken", Access::Session),
    ("GET", "/spatialstudio/api/v1/user/generatortoken", Access::Session),
    ("POST", "/spatialstudio/api/v1/user/generatortoken/regenerate", Access::Session),
    ("GET", "/auth/check", Access::Program),
    ("POST", "/credentials/revoke", Access::Program),
    ("GET", "/management/resources", Access::Client),
    ("PUT", "/management/resources/{id}", Access::Client),
    ("DELETE", "/management/resources/{id}", Access::Client),
    ("PUT", "/management/resources/{id}/shares/{user}", Access::Client),
    ("DELETE", "/management/resources/{id}/shares/{user}", Access::Client),
    ("POST", "/login/code", Access::Program),
    ("GET", "/static/{name}", Access::Anybody),
    ("GET", "/login.js", Access::Anybody),
    ("GET", "/oauth/authorize", Access::Anybody),
    ("POST", "/oauth/authorize", Access::Anybody),
    ("GET", "/", Access::Anybody),
    ("GET", "/login", Access::Anybody),
    ("POST", "/login", Access::Anybody),
    ("GET", "/logout", Access::Anybody),
    ("POST", "/logout", Access::Anybody),
    ("GET", "/register", Access::Anybody),
    ("POST", "/register", Access::Anybody),
    ("GET", "/setup", Access::Anybody),
    ("POST", "/setup", Access::Anybody),
    ("GET", "/.well-known/change-password", Access::Anybody),
    ("GET", "/reset", Access::Anybody),
    ("POST", "/reset", Access::Anybody),
    ("GET", "/reset/finish", Access::Anybody),
    ("POST", "/reset/finish", Access::Anybody),
    ("GET", "/verify", Access::Anybody),
    ("POST", "/verify", Access::Anybody),
    ("GET", "/invitation", Access::Anybody),
    ("POST", "/invitation", Access::Anybody),
    ("GET", "/errors/{id}", Access::Anybody),
    ("GET", "/device", Access::Person),
    ("POST", "/device", Access::Person),
    ("GET", "/account", Access::Person),
    ("GET", "/account-settings/profile", Access::Anybody),
    ("GET", "/account-settings/security", Access::Anybody),
    ("GET", "/account/sessions", Access::Person),
    ("POST", "/account/sessions/end-others", Access::Person),
    ("POST", "/account/sessions/{id}/end", Access::Person),
    ("POST", "/account/sessions/tokens/{id}/end", Access::Person),
    ("GET", "/account/confirm", Access::Person),
    ("POST", "/account/confirm", Access::Person),
    ("GET", "/account/tokens", Access::Person),
    ("GET", "/account/tokens/new", Access::Person),
    ("POST", "/account/tokens/new", Access::Person),
    ("POST", "/account/tokens/revoke-unused", Access::Person),
    ("POST", "/account/tokens/revoke-all", Access::Person),
    ("POST", "/account/tokens/generator/show", Access::Person),
    ("POST", "/account/tokens/generator/regenerate", Access::Person),
    ("POST", "/account/tokens/{id}/revoke", Access::Person),
    ("GET", "/account/apps", Access::Person),
    ("POST", "/account/apps/{client_id}/remove", Access::Person),
    ("GET", "/developer", Access::Person),
    ("GET", "/developer/apps/new", Access::Person),
    ("POST", "/developer/apps/new", Access::Person),
    ("GET", "/developer/apps/{client_id}", Access::Person),
    ("POST", "/developer/apps/{client_id}", Access::Person),
    ("POST", "/developer/apps/{client_id}/secrets/new", Access::Person),
    ("POST", "/developer/apps/{client_id}/secrets/{id}/end", Access::Person),
    ("POST", "/developer/apps/{client_id}/delete", Access::Person),
];

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
    }
    let served = scope(base)
        .service(well_known(&format!("/.well-known/{}", WELL_KNOWN[0])))
        .service(well_known(&format!("/.well-known/{}", WELL_KNOWN[1])))
        .service(
            program("/.well-known/oauth-protected-resource{at:|/v3}", "GET, HEAD")
                .route(get().to(protected_resource::get))
                .wrap(cors()),
        )
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
        .service(program("/v3", "GET, HEAD").route(get().to(api::account::name)).wrap(cors()))
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
        .service(resource("/static/{name}").route(get().to(assets::get)))
        .service(resource("/login.js").route(get().to(assets::login_js)))
        .service(management())
        .service(studio_session(app))
        .service(pages(app));
    config.service(served);
}

const WELL_KNOWN: [&str; 2] = ["oauth-authorization-server", "openid-configuration"];

fn well_known(path: &str) -> impl actix_web::dev::HttpServiceFactory + 'static {
    program(path, "GET, HEAD").route(get().to(oauth::metadata::get)).wrap(cors())
}

/// The first platform's account API (`compatibility.md`, A): never a cookie, any origin.
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
        .service(program("/oauth/token", "POST").route(post().to(api::oauth::token)))
        .default_service(web::to(no_such_endpoint))
        .wrap(from_fn(protected_resource::name_in_challenges))
        .wrap(cors())
}

/// The second platform's token door (`compatibility.md`, B3): never a cookie, any origin.
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
            program("/resources/{id}/shares/{user}", "PUT, DELETE")
                .route(put().to(api::resources::share))
                .route(delete().to(api::resources::unshare)),
        )
        .default_service(web::to(no_such_endpoint))
}

/// The second platform's session door (`compatibility.md`, B3): the session's cookie, our own pages.
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

/// What people see: sessions and the guard against foreign forms are here, and at the session door above.
fn pages(app: &Data<App>) -> impl actix_web::dev::HttpServiceFactory + 'static {
    let page = |path: &str| resource(path.to_owned()).default_service(web::to(home::wrong_method));
    scope("")
        .service(
            page("/oauth/authorize").route(get().to(oauth::authorize::get)).route(post().to(oauth::authorize::post)),
        )
        .service(page("/oauth/logout").route(get().to(oauth::logout::get)).route(post().to(oauth::logout::post)))
        .service(page("/").route(get().to(home::get)))
        .service(page("/{login:(?i)login}").route(get().to(log_in::get)).route(post().to(log_in::post)))
        .service(page("/logout").route(get().to(log_out::get)).route(post().to(log_out::post)))
        .service(page("/register").route(get().to(register::get)).route(post().to(register::post)))
        .service(page("/setup").route(get().to(set_up::get)).route(post().to(set_up::post)))
        .service(page("/.well-known/change-password").route(get().to(reset::change_password)))
        .service(page("/reset").route(get().to(reset::get)).route(post().to(reset::post)))
        .service(page("/reset/finish").route(get().to(reset::get_finish)).route(post().to(reset::post_finish)))
        .service(page("/verify").route(get().to(verify::get)).route(post().to(verify::post)))
        .service(page("/invitation").route(get().to(invitation::get)).route(post().to(invitation::post)))
        .service(page("/errors/{id}").route(get().to(problem::get)))
        .service(page("/device").route(get().to(device::get)).route(post().to(device::post)))
        .service(page("/account").route(get().to(account::get)))
        .service(page("/account-settings/{page:profile|security}").route(get().to(account::moved)))
        .service(page("/account/sessions").route(get().to(account::sessions::get)))
        .service(page("/account/sessions/end-others").route(post().to(account::sessions::end_others)))
        .service(page("/account/sessions/{id}/end").route(post().to(account::sessions::end)))
        .service(page("/account/sessions/tokens/{id}/end").route(post().to(account::sessions::end_token)))
        .service(
            page("/account/confirm").route(get().to(account::confirm::get)).route(post().to(account::confirm::post)),
        )
        .service(page("/account/tokens").route(get().to(account::tokens::get)))
        .service(
            page("/account/tokens/new")
                .route(get().to(account::new_token::get))
                .route(post().to(account::new_token::post)),
        )
        .service(page("/account/tokens/revoke-unused").route(post().to(account::tokens::revoke_unused)))
        .service(page("/account/tokens/revoke-all").route(post().to(account::tokens::revoke_all)))
        .service(page("/account/tokens/generator/show").route(post().to(account::tokens::show_generator)))
        .service(page("/account/tokens/generator/regenerate").route(post().to(account::tokens::regenerate)))
        .service(page("/account/tokens/{id}/revoke").route(post().to(account::tokens::revoke)))
        .service(page("/account/apps").route(get().to(account::apps::get)))
        .service(page("/account/apps/{client_id}/remove").route(post().to(account::apps::remove)))
        .service(page("/developer").route(get().to(developer::get)))
        .service(
            page("/developer/apps/new").route(get().to(developer::new::get)).route(post().to(developer::new::post)),
        )
        .service(
            page("/developer/apps/{client_id}")
                .route(get().to(developer::edit::get))
                .route(post().to(developer::edit::post)),
        )
        .service(page("/developer/apps/{client_id}/secrets/new").route(post().to(developer::secrets::roll)))
        .service(page("/developer/apps/{client_id}/secrets/{id}/end").route(post().to(developer::secrets::end)))
        .service(page("/developer/apps/{client_id}/delete").route(post().to(developer::edit::delete)))
        .app_data(PathConfig::default().error_handler(|_unreadable, request| home::no_such_path(request)))
        .default_service(web::to(home::nothing))
        .wrap(from_fn(same_origin::guard))
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
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Any origin, no cookies, errors included (RFC 10017; `standards.md`, real client libraries).
fn cors() -> Cors {
    Cors::default()
        .allow_any_origin()
        .send_wildcard()
        .allowed_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
        .allowed_header("idempotency-key")
        .allowed_header("dpop")
        .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER])
        .expose_headers([dpop::NONCE])
        .max_age(3_600)
}
