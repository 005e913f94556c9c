//! The addresses of what people see, as [`super::super::routes`] mounts them.

use actix_web::Resource;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, PathConfig, ServiceConfig, post, resource, scope};

use super::{
    account, developer, device, home, invitation, keep, log_in, log_out, not_me, problem, register, reset, set_up,
    verify,
};
use crate::web::app::App;
use crate::web::routes::get;
use crate::web::{browser, oauth, same_origin};

/// What people see: sessions and the guard against foreign forms are here, and at the session door above.
pub fn pages(app: &Data<App>) -> impl actix_web::dev::HttpServiceFactory + 'static {
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
        .service(page("/keep").route(get().to(keep::get)).route(post().to(keep::post)))
        .service(page("/not-me").route(get().to(not_me::get)).route(post().to(not_me::post)))
        .service(page("/invitation").route(get().to(invitation::get)).route(post().to(invitation::post)))
        .service(page("/errors/{id}").route(get().to(problem::get)))
        .service(page("/device").route(get().to(device::get)).route(post().to(device::post)))
        .configure(own_pages)
        .service(page("/developer").route(get().to(developer::get)))
        .service(
            page("/developer/apps/new").route(get().to(developer::new::get)).route(post().to(developer::new::post)),
        )
        .service(
            page("/developer/apps/{client_id}")
                .route(get().to(developer::edit::get))
                .route(post().to(developer::edit::post)),
        )
        .service(page("/developer/apps/{client_id}/log").route(get().to(developer::log::get)))
        .service(page("/developer/apps/{client_id}/secrets/new").route(post().to(developer::secrets::roll)))
        .service(page("/developer/apps/{client_id}/secrets/{id}/end").route(post().to(developer::secrets::end)))
        .service(page("/developer/apps/{client_id}/delete").route(post().to(developer::edit::delete)))
        .app_data(PathConfig::default().error_handler(|_unreadable, request| home::no_such_path(request)))
        .default_service(web::to(home::nothing))
        .wrap(from_fn(same_origin::guard))
        .wrap(browser::middleware(app))
}

/// A person's own pages.
fn own_pages(config: &mut ServiceConfig) {
    config
        .service(page("/account").route(get().to(account::get)))
        .service(page("/account-settings/{page:profile|security}").route(get().to(account::moved)))
        .service(
            page("/account/profile").route(get().to(account::profile::get)).route(post().to(account::profile::post)),
        )
        .service(
            page("/account/security/password")
                .route(get().to(account::password::get))
                .route(post().to(account::password::post)),
        )
        .service(page("/account/delete").route(get().to(account::delete::get)).route(post().to(account::delete::post)))
        .service(page("/account/not-me").route(get().to(account::not_me::get)).route(post().to(account::not_me::post)))
        .configure(own_security)
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
        .service(page("/account/log").route(get().to(account::log::get)))
        .service(page("/account/apps").route(get().to(account::apps::get)))
        .service(page("/account/apps/{client_id}/remove").route(post().to(account::apps::remove)))
        .configure(passkeys);
}

/// A person's passkeys.
fn passkeys(config: &mut ServiceConfig) {
    config
        .service(page("/account/security/passkeys").route(get().to(account::passkeys::get)))
        .service(
            page("/account/security/passkeys/new")
                .route(get().to(account::passkeys::get_new))
                .route(post().to(account::passkeys::post_new)),
        )
        .service(page("/account/security/passkeys/{id}/rename").route(post().to(account::passkeys::rename)))
        .service(page("/account/security/passkeys/{id}/remove").route(post().to(account::passkeys::remove)));
}

/// How a person signs in.
fn own_security(config: &mut ServiceConfig) {
    config
        .service(page("/account/security").route(get().to(account::security::get)))
        .service(
            page("/account/security/totp").route(get().to(account::totp::get)).route(post().to(account::totp::post)),
        )
        .service(page("/account/security/totp/remove").route(post().to(account::totp::remove)))
        .service(page("/account/security/recovery-codes").route(post().to(account::recovery_codes::regenerate)))
        .service(page("/account/security/recovery-codes/file").route(post().to(account::recovery_codes::download)))
        .service(page("/account/security/browsers/forget").route(post().to(account::security::forget)));
}

fn page(path: &str) -> Resource {
    resource(path.to_owned()).default_service(web::to(home::wrong_method))
}
