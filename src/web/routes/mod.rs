//! Registers the routes: [`table`] lists them, and [`routes`] serves each section of the table with its layers.

mod other_methods;
mod route;
pub mod table;

use actix_web::http::Method;
use actix_web::web::{self, Data, PathConfig, ServiceConfig, scope};
use actix_web::{HttpResponse, ResponseError, Scope};

pub use self::other_methods::OtherMethods;
use self::route::get_or_head;
pub use self::route::{Access, Address, Logs, Route, Section};
pub use self::table::SECTIONS;
use super::api::error::ApiError;
use super::app::App;
use super::cors::any_origin;
use super::layer::Around;
use super::oauth::protected_resource::name_in_challenges;
use super::page::see_other;
use super::pages::home;
use super::{assets, browser, same_origin};

/// Returns every address that a request can name.
pub fn addresses() -> impl Iterator<Item = Address> {
    SECTIONS.iter().flat_map(|section| section.addresses())
}

/// Registers the routes of the table below the path of the public URL.
pub fn routes(config: &mut ServiceConfig, app: &Data<App>) {
    let base = app.public.base.as_str();
    documents(config, |path| Some(format!("{base}{path}")));
    if !base.is_empty() {
        documents(config, |path| path_at_the_root(path, base));
        // Password managers request this path at the root as well (A Well-Known URL for Changing Passwords §2).
        let change_password = other_methods::for_programs("/.well-known/change-password", [&Method::GET].into_iter());
        config.service(change_password.route(get_or_head().to(change_password_below_the_root)));
    }
    let served = scope(base)
        .configure(asked_most_often)
        .service(programs(&table::ACCOUNT_API).wrap(name_in_challenges()).wrap(any_origin()))
        .configure(further_programs)
        .service(files())
        .service(programs(&table::STUDIO_TOKENS).wrap(any_origin()))
        .service(programs(&table::MANAGEMENT))
        .service(
            programs(&table::STUDIO_SESSION)
                .wrap(Around::new(same_origin::Programs(app.clone())))
                .wrap(browser::middleware(app)),
        )
        .service(programs(&table::REGISTRATION).wrap(any_origin()))
        .service(pages(app));
    config.service(served);
}

fn documents(config: &mut ServiceConfig, place: impl Fn(&str) -> Option<String>) {
    for document in table::DOCUMENTS.resources(&place) {
        config.service(document.wrap(any_origin()));
    }
    table::SECURITY_TXT.resources(&place).into_iter().fold(config, ServiceConfig::service);
}

/// Returns the additional path of a document when the public URL has a path. That path follows the name of a
/// well-known document (RFC 8414 §3.1, RFC 9728 §3.1), and `security.txt` is at the root for the whole host
/// (RFC 9116 §3).
fn path_at_the_root(path: &str, base: &str) -> Option<String> {
    let rest = path.strip_prefix("/.well-known/")?;
    let (name, end) = rest.split_once('/').map_or((rest, String::new()), |(name, end)| (name, format!("/{end}")));
    match name {
        "security.txt" => Some(path.to_owned()),
        name => Some(format!("/.well-known/{name}{base}{end}")),
    }
}

async fn change_password_below_the_root(app: Data<App>) -> HttpResponse {
    see_other(&app.public.path("/.well-known/change-password"))
}

fn asked_most_often(config: &mut ServiceConfig) {
    for endpoint in table::TOKENS.resources(in_place) {
        config.service(endpoint.wrap(any_origin()));
    }
    for section in [&table::FORWARDED_REQUESTS, &table::PLATFORM_AUTHORIZATION] {
        section.resources(in_place).into_iter().fold(&mut *config, ServiceConfig::service);
    }
}

fn further_programs(config: &mut ServiceConfig) {
    for endpoint in table::USER_INFO.resources(in_place) {
        config.service(endpoint.wrap(name_in_challenges()).wrap(any_origin()));
    }
    for endpoint in table::OTHER_ENDPOINTS.resources(in_place) {
        config.service(endpoint.wrap(any_origin()));
    }
    table::WITHOUT_CORS.resources(in_place).into_iter().fold(config, ServiceConfig::service);
}

fn in_place(path: &str) -> Option<String> {
    Some(path.to_owned())
}

/// Returns a section for programs. An unknown path in it gets an error that a program can read.
fn programs(section: &Section) -> Scope {
    section.scope().default_service(web::to(no_such_endpoint))
}

async fn no_such_endpoint() -> HttpResponse {
    ApiError::not_found().error_response()
}

/// Returns the static files. A fixed path for each file costs less than a pattern.
fn files() -> Scope {
    let fixed = assets::names().enumerate().map(|(number, name)| {
        let send = move |request| assets::send(request, number);
        other_methods::for_programs(name, [&Method::GET].into_iter()).route(get_or_head().to(send))
    });
    fixed.chain(table::FILES.resources_below()).fold(scope(table::FILES.prefix), Scope::service)
}

/// Returns the pages, with session and protection against forms of other sites.
fn pages(app: &Data<App>) -> impl actix_web::dev::HttpServiceFactory + 'static {
    [&table::PAGES, &table::ACCOUNT_PAGES, &table::DEVELOPER_PAGES]
        .into_iter()
        .flat_map(|section| section.resources(in_place))
        .fold(scope(""), Scope::service)
        .app_data(PathConfig::default().error_handler(|_unreadable, _request| home::no_such_path()))
        .default_service(web::to(home::nothing))
        .wrap(Around::new(same_origin::Pages(app.clone())))
        .wrap(browser::middleware(app))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_route_is_listed_twice_and_those_of_a_path_stand_together_below_the_prefix() {
        let mut seen = BTreeSet::new();
        for section in SECTIONS {
            for routes in section.routes.chunk_by(|one, next| one.path == next.path) {
                assert!(seen.insert(routes[0].path), "{} stands at two places", routes[0].path);
                assert!(routes[0].path.starts_with(section.prefix), "{}", routes[0].path);
                let methods: BTreeSet<&str> = routes.iter().map(|route| route.method.as_str()).collect();
                assert_eq!(methods.len(), routes.len(), "{}", routes[0].path);
            }
        }
    }

    #[test]
    fn the_path_of_the_public_url_follows_the_name_of_a_well_known_document() {
        for (path, at_the_root) in [
            ("/.well-known/openid-configuration", Some("/.well-known/openid-configuration/gate")),
            ("/.well-known/oauth-protected-resource/v3", Some("/.well-known/oauth-protected-resource/gate/v3")),
            ("/.well-known/security.txt", Some("/.well-known/security.txt")),
            ("/oauth/jwks", None),
        ] {
            assert_eq!(path_at_the_root(path, "/gate").as_deref(), at_the_root);
        }
    }
}
