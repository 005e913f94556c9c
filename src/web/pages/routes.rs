//! The addresses of what people see, as [`super::super::routes`] mounts them.

use actix_web::Resource;
use actix_web::web::{self, Data, PathConfig, ServiceConfig, post, resource, scope};

use super::{
    account, developer, device, home, invitation, keep, log_in, log_out, not_me, problem, register, reset, set_up,
    verify,
};
use crate::web::app::App;
use crate::web::layer::Around;
use crate::web::routes::get;
use crate::web::{browser, oauth, same_origin};

/// What people see: sessions and the guard against foreign forms are here, and at the session door above.
pub fn pages(app: &Data<App>) -> impl actix_web::dev::HttpServiceFactory + 'static {
    scope("")
        .service(
            page("/oauth/authorize", FORM)
                .route(get().to(oauth::authorize::get))
                .route(post().to(oauth::authorize::post)),
        )
        .service(page("/oauth/logout", FORM).route(get().to(oauth::logout::get)).route(post().to(oauth::logout::post)))
        .service(page("/", SHOWN).route(get().to(home::get)))
        .service(page("/{login:(?i)login}{end:|/}", FORM).route(get().to(log_in::get)).route(post().to(log_in::post)))
        .service(page("/logout", FORM).route(get().to(log_out::get)).route(post().to(log_out::post)))
        .service(page("/register", FORM).route(get().to(register::get)).route(post().to(register::post)))
        .service(page("/setup", FORM).route(get().to(set_up::get)).route(post().to(set_up::post)))
        .service(page("/.well-known/change-password", SHOWN).route(get().to(reset::change_password)))
        .service(page("/reset", FORM).route(get().to(reset::get)).route(post().to(reset::post)))
        .service(page("/reset/finish", FORM).route(get().to(reset::get_finish)).route(post().to(reset::post_finish)))
        .service(page("/verify", FORM).route(get().to(verify::get)).route(post().to(verify::post)))
        .service(page("/keep", FORM).route(get().to(keep::get)).route(post().to(keep::post)))
        .service(page("/not-me", FORM).route(get().to(not_me::get)).route(post().to(not_me::post)))
        .service(page("/invitation", FORM).route(get().to(invitation::get)).route(post().to(invitation::post)))
        .service(page("/errors/{id}", SHOWN).route(get().to(problem::get)))
        .service(page("/device", FORM).route(get().to(device::get)).route(post().to(device::post)))
        .configure(own_pages)
        .service(page("/developer", SHOWN).route(get().to(developer::get)))
        .service(
            page("/developer/apps/new", FORM)
                .route(get().to(developer::new::get))
                .route(post().to(developer::new::post)),
        )
        .service(
            page("/developer/apps/{client_id}", FORM)
                .route(get().to(developer::edit::get))
                .route(post().to(developer::edit::post)),
        )
        .service(
            page("/developer/hosts", FORM)
                .route(get().to(developer::hosts::get))
                .route(post().to(developer::hosts::post)),
        )
        .service(page("/developer/hosts/{id}/end", SENT).route(post().to(developer::hosts::end)))
        .service(page("/developer/apps/{client_id}/log", SHOWN).route(get().to(developer::log::get)))
        .service(page("/developer/apps/{client_id}/secrets/new", SENT).route(post().to(developer::secrets::roll)))
        .service(page("/developer/apps/{client_id}/secrets/{id}/end", SENT).route(post().to(developer::secrets::end)))
        .service(page("/developer/apps/{client_id}/delete", SENT).route(post().to(developer::edit::delete)))
        .app_data(PathConfig::default().error_handler(|_unreadable, request| home::no_such_path(request)))
        .default_service(web::to(home::nothing))
        .wrap(Around::new(same_origin::Pages(app.clone())))
        .wrap(browser::middleware(app))
}

/// A person's own pages.
fn own_pages(config: &mut ServiceConfig) {
    config
        .service(page("/account", SHOWN).route(get().to(account::get)))
        .service(page("/account-settings/{page:profile|security}", SHOWN).route(get().to(account::moved)))
        .service(
            page("/account/profile", FORM)
                .route(get().to(account::profile::get))
                .route(post().to(account::profile::post)),
        )
        .service(
            page("/account/security/password", FORM)
                .route(get().to(account::password::get))
                .route(post().to(account::password::post)),
        )
        .service(
            page("/account/delete", FORM).route(get().to(account::delete::get)).route(post().to(account::delete::post)),
        )
        .service(
            page("/account/not-me", FORM).route(get().to(account::not_me::get)).route(post().to(account::not_me::post)),
        )
        .configure(own_security)
        .service(page("/account/sessions", SHOWN).route(get().to(account::sessions::get)))
        .service(page("/account/sessions/end-others", SENT).route(post().to(account::sessions::end_others)))
        .service(page("/account/sessions/{id}/end", SENT).route(post().to(account::sessions::end)))
        .service(page("/account/sessions/tokens/{id}/end", SENT).route(post().to(account::sessions::end_token)))
        .service(
            page("/account/confirm", FORM)
                .route(get().to(account::confirm::get))
                .route(post().to(account::confirm::post)),
        )
        .service(page("/account/tokens", SHOWN).route(get().to(account::tokens::get)))
        .service(
            page("/account/tokens/new", FORM)
                .route(get().to(account::new_token::get))
                .route(post().to(account::new_token::post)),
        )
        .service(page("/account/tokens/revoke-unused", SENT).route(post().to(account::tokens::revoke_unused)))
        .service(page("/account/tokens/revoke-all", SENT).route(post().to(account::tokens::revoke_all)))
        .service(page("/account/tokens/generator/show", SENT).route(post().to(account::tokens::show_generator)))
        .service(page("/account/tokens/generator/regenerate", SENT).route(post().to(account::tokens::regenerate)))
        .service(page("/account/tokens/{id}/revoke", SENT).route(post().to(account::tokens::revoke)))
        .service(page("/account/log", SHOWN).route(get().to(account::log::get)))
        .service(page("/account/apps", SHOWN).route(get().to(account::apps::get)))
        .service(page("/account/apps/{client_id}/remove", SENT).route(post().to(account::apps::remove)))
        .configure(passkeys);
}

/// A person's passkeys.
fn passkeys(config: &mut ServiceConfig) {
    config
        .service(page("/account/security/passkeys", SHOWN).route(get().to(account::passkeys::get)))
        .service(
            page("/account/security/passkeys/new", FORM)
                .route(get().to(account::passkeys::get_new))
                .route(post().to(account::passkeys::post_new)),
        )
        .service(page("/account/security/passkeys/{id}/rename", SENT).route(post().to(account::passkeys::rename)))
        .service(page("/account/security/passkeys/{id}/remove", SENT).route(post().to(account::passkeys::remove)));
}

/// How a person signs in.
fn own_security(config: &mut ServiceConfig) {
    config
        .service(page("/account/security", SHOWN).route(get().to(account::security::get)))
        .service(
            page("/account/security/totp", FORM)
                .route(get().to(account::totp::get))
                .route(post().to(account::totp::post)),
        )
        .service(page("/account/security/totp/remove", SENT).route(post().to(account::totp::remove)))
        .service(page("/account/security/recovery-codes", SENT).route(post().to(account::recovery_codes::regenerate)))
        .service(
            page("/account/security/recovery-codes/file", SENT).route(post().to(account::recovery_codes::download)),
        )
        .service(page("/account/security/browsers/forget", SENT).route(post().to(account::security::forget)));
}

/// The methods of a page that is only shown, of one with a form, and of a form that stands on another page.
const SHOWN: &str = "GET, HEAD";
const FORM: &str = "GET, HEAD, POST";
const SENT: &str = "POST";

fn page(path: &str, allow: &'static str) -> Resource {
    resource(path.to_owned()).default_service(web::to(move |app, visitor| home::wrong_method(app, visitor, allow)))
}
