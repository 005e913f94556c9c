//! The route table: method, path, handler, access, and the events in the security log.
//!
//! Everything else about a route is derived from this table: the routes that actix-web serves
//! ([`super::routes`]), the `Allow` header of a response to another method, the tests of access
//! (`tests/it/every_route.rs`) and of the security log (`tests/it/security_log_table.rs`). An API description
//! for programs could be generated from [`SECTIONS`].
//!
//! Rows are tried in this order, so the most frequent requests come first. Matching a pattern costs a hundred
//! times as much as matching a fixed path, so patterns come last in their section.

use actix_web::http::Method;

use super::other_methods::OtherMethods;
use super::route::{Access, Logs, Route, Section, sections};
use crate::domain::security_log::SecurityEvent;
use crate::web::{api, assets, oauth, pages, security_txt};

const READS: &str = "it changes nothing";
const ROUTINE: &str = "programs get and revoke tokens all the time";
const NO_OWNER: &str = "an application that registers itself has no owner";
const PLATFORM: &str = "it is about the resources of the platform, not about an account";

sections! {
    /// Documents that are rendered in advance. Any origin may read them.
    DOCUMENTS in "", other_methods ErrorForPrograms {
        GET "/.well-known/oauth-authorization-server" => oauth::metadata::get, Anybody;
        GET "/.well-known/openid-configuration" => oauth::metadata::get, Anybody;
        GET "/oauth/jwks" => oauth::jwks::get, Program;
        GET "/.well-known/oauth-protected-resource/v3" => oauth::protected_resource::get, Anybody;
        GET "/.well-known/oauth-protected-resource" => oauth::protected_resource::get, Anybody;
    }

    /// The security contact (RFC 9116).
    SECURITY_TXT in "", other_methods ErrorForPrograms {
        GET "/.well-known/security.txt" => security_txt::get, Anybody;
    }

    /// The endpoints that are called most often. Any origin may call them.
    TOKENS in "", other_methods ErrorForPrograms {
        POST "/oauth/token" => oauth::token::post, Client, logs [TokenStolen];
        POST "/oauth/introspect" => oauth::introspect::post, Client, logs_nothing READS;
    }

    /// Forward auth: a reverse proxy calls it with the method of the request that it forwards.
    FORWARDED_REQUESTS in "", other_methods SameAnswer {
        GET "/auth/check" => api::check::get, Program;
    }

    /// The platform's address of the authorization endpoint, which is a page and needs no CORS.
    PLATFORM_AUTHORIZATION in "", other_methods ErrorForPrograms {
        GET "/v3/oauth/authorize" => oauth::authorize::moved, Program;
        POST "/v3/oauth/authorize" => api::oauth::authorize, Program, logs_nothing "it leads to the page that logs";
    }

    /// The first platform's account API (`docs/compatibility/ellipsis.md`). It reads no cookie, and any
    /// origin may call it.
    ACCOUNT_API in "/v3", other_methods ErrorForPrograms {
        GET "/v3/account" => api::account::get, Token;
        POST "/v3/account" => api::account::create, Program, logs [AccountCreated];
        DELETE "/v3/account" => api::account::delete, Token, logs [AccountDeleted];
        GET "/v3/validate" => api::account::validate, Program;
        POST "/v3/validate" => api::account::validate, Program, logs_nothing READS;
        POST "/v3/oauth/token" => api::oauth::token, Client, logs [TokenStolen];
        GET "/v3/user" => api::users::search, Program;
        POST "/v3/user/invite" => api::users::invite, Token, logs [Invited];
        GET "/v3" => api::account::name, Program;
        GET "/v3/" => api::account::name, Program;
        POST "/v3/account/login" => api::log_in::post, Program, logs [ProgramSignedIn];
        PATCH "/v3/account/profile" => api::account::profile, Token, logs_nothing "a profile gives no access";
        PUT "/v3/account/username" => api::account::username, Token, logs [UsernameChanged];
        POST "/v3/account/security/password/update" => api::security::update_password, Token, logs [PasswordChanged];
        POST "/v3/account/security/password/reset" => api::security::reset_password, Program, logs [PasswordResetAsked];
        POST "/v3/account/security/password/validate" => api::security::finish_reset, Program, logs [PasswordReset];
        POST "/v3/account/security/email/update" => api::security::update_email, Token, logs [EmailChangeAsked];
        POST "/v3/account/security/email/validate" => api::security::validate_email, Program, logs [EmailChanged];
        POST "/v3/account/security/remoteSession" => api::remote_session::start, Program, logs_nothing "nothing is allowed yet";
        GET "/v3/account/root/{name}" => api::account::root, Token;
        GET "/v3/account/security/{name:accessToken|personalAccessToken}" => api::access_tokens::list, Token;
        POST "/v3/account/security/{name:accessToken|personalAccessToken}" => api::access_tokens::create, Token, logs [PersonalTokenCreated];
        DELETE "/v3/account/security/{name:accessToken|personalAccessToken}/{id}" => api::access_tokens::delete, Token, logs [PersonalTokenRevoked];
        POST "/v3/account/security/remoteSession/{id}/exercise" => api::remote_session::exercise, Program, logs_nothing "the person allowed it before, and that was logged";
        GET "/v3/user/{id}" => api::users::get, Program;
        POST "/v3/user/{id}/contact" => api::users::contact, Token, logs [MessageSent];
    }

    /// The userinfo endpoint (OpenID Connect Core §5.3). Any origin may call it.
    USER_INFO in "", other_methods ErrorForPrograms {
        GET "/oauth/userinfo" => oauth::userinfo::get, Token;
        POST "/oauth/userinfo" => oauth::userinfo::post, Token, logs_nothing READS;
    }

    /// The other endpoints that any origin may call.
    OTHER_ENDPOINTS in "", other_methods ErrorForPrograms {
        POST "/oauth/revoke" => oauth::revoke::post, Client, logs_nothing ROUTINE;
        POST "/oauth/par" => oauth::par::post, Client, logs_nothing ROUTINE;
        POST "/credentials/revoke" => api::credentials::revoke, Program, logs [SecretFound];
    }

    /// Endpoints without CORS, because a page of another origin could request device codes from the network
    /// of its visitor. The handler of `/login/code` decides which origins may call it.
    WITHOUT_CORS in "", other_methods ErrorForPrograms {
        POST "/oauth/device" => oauth::device::post, Client, logs_nothing ROUTINE;
        GET "/login.js" => assets::login_js, Anybody;
        POST "/login/code" => api::login_code::post, Program, logs [TokenStolen];
        OPTIONS "/login/code" => api::login_code::preflight, Program;
    }

    /// Stylesheets, scripts and the icon.
    FILES in "/static", other_methods ErrorForPrograms {
        GET "/static/{name}" => assets::get, Anybody;
    }

    /// The second platform's address for tokens (`docs/compatibility/spatial-studio.md#creating-a-token`). It
    /// reads no cookie, and any origin may call it.
    STUDIO_TOKENS in "/spatialstudio/oauth/v1", other_methods ErrorForPrograms {
        POST "/spatialstudio/oauth/v1/user/token" => api::studio::create_token, Token, logs [StudioTokenCreated];
    }

    /// The API in which a first-party API registers its resources (our own API), with its own credentials,
    /// without cookie and CORS.
    MANAGEMENT in "/management", other_methods ErrorForPrograms {
        GET "/management/resources" => api::resources::list, Client;
        PUT "/management/resources/{id}" => api::resources::put, Client, logs_nothing PLATFORM;
        DELETE "/management/resources/{id}" => api::resources::delete, Client, logs_nothing PLATFORM;
        PUT "/management/resources/{id}/public" => api::resources::publish, Client, logs_nothing PLATFORM;
        DELETE "/management/resources/{id}/public" => api::resources::unpublish, Client, logs_nothing PLATFORM;
        PUT "/management/resources/{id}/shares/{user}" => api::resources::share, Client, logs_nothing PLATFORM;
        DELETE "/management/resources/{id}/shares/{user}" => api::resources::unshare, Client, logs_nothing PLATFORM;
    }

    /// The second platform's addresses for its own pages
    /// (`docs/compatibility/spatial-studio.md#the-sessions-addresses`). They read the session cookie, and
    /// only pages of this server may call them.
    STUDIO_SESSION in "/spatialstudio/api/v1", other_methods ErrorForPrograms {
        GET "/spatialstudio/api/v1/user/token" => api::studio::list, Session;
        DELETE "/spatialstudio/api/v1/user/token/{id}" => api::studio::delete, Session, logs [PersonalTokenRevoked];
        POST "/spatialstudio/api/v1/user/filesettoken" => api::studio::create_fileset, Session, logs [StudioTokenCreated];
        GET "/spatialstudio/api/v1/user/generatortoken" => api::studio::generator, Session;
        POST "/spatialstudio/api/v1/user/generatortoken/regenerate" => api::studio::regenerate, Session, logs [GeneratorRegenerated];
    }

    /// Dynamic client registration (RFC 7591, RFC 7592). Any origin may call it.
    REGISTRATION in "/oauth/register", other_methods ErrorForPrograms {
        POST "/oauth/register" => oauth::register::post, Program, logs_nothing NO_OWNER;
        GET "/oauth/register/{client_id}" => oauth::register::get, Program;
        PUT "/oauth/register/{client_id}" => oauth::register::put, Program, logs_nothing NO_OWNER;
        DELETE "/oauth/register/{client_id}" => oauth::register::delete, Program, logs_nothing NO_OWNER;
    }

    /// The pages of the protocol, and the pages for people who are not signed in.
    PAGES in "", other_methods ErrorPage {
        GET "/oauth/authorize" => oauth::authorize::get, Anybody;
        POST "/oauth/authorize" => oauth::authorize::post, Anybody, logs [ApplicationAllowed];
        GET "/oauth/logout" => oauth::logout::get, Anybody;
        POST "/oauth/logout" => oauth::logout::post, Anybody, logs [SessionEnded];
        GET "/" => pages::home::get, Anybody;
        GET "/{login:(?i)login}{end:|/}" => pages::log_in::get, Anybody;
        POST "/{login:(?i)login}{end:|/}" => pages::log_in::post, Anybody, logs [SignedIn];
        GET "/logout" => pages::log_out::get, Anybody;
        POST "/logout" => pages::log_out::post, Anybody, logs [SessionEnded];
        GET "/register" => pages::register::get, Anybody;
        POST "/register" => pages::register::post, Anybody, logs [AccountCreated, SignedIn];
        GET "/setup" => pages::set_up::get, Anybody;
        POST "/setup" => pages::set_up::post, Anybody, logs [AccountCreated, SignedIn];
        GET "/.well-known/change-password" => pages::reset::change_password, Anybody;
        GET "/reset" => pages::reset::get, Anybody;
        POST "/reset" => pages::reset::post, Anybody, logs [PasswordResetAsked];
        GET "/reset/finish" => pages::reset::get_finish, Anybody;
        POST "/reset/finish" => pages::reset::post_finish, Anybody, logs [PasswordReset, SignedIn];
        GET "/verify" => pages::verify::get, Anybody;
        POST "/verify" => pages::verify::post, Anybody, logs [EmailProven];
        GET "/keep" => pages::restore_account::get, Anybody;
        POST "/keep" => pages::restore_account::post, Anybody, logs [AccountRestored];
        GET "/not-me" => pages::compromise_report::get, Anybody;
        POST "/not-me" => pages::compromise_report::post, Anybody, logs [CompromiseReported];
        GET "/invitation" => pages::invitation::get, Anybody;
        POST "/invitation" => pages::invitation::post, Anybody, logs [AccountCreated, SignedIn];
        GET "/errors/{id}" => pages::problem::get, Anybody;
        GET "/device" => pages::device::get, Person;
        POST "/device" => pages::device::post, Person, logs [DeviceAllowed];
    }

    /// The account pages of the signed-in person.
    ACCOUNT_PAGES in "", other_methods ErrorPage {
        GET "/account" => pages::account::get, Person;
        GET "/account-settings/{page:profile|security}" => pages::account::moved, Anybody;
        GET "/account/profile" => pages::account::profile::get, Person;
        POST "/account/profile" => pages::account::profile::post, Person, logs [UsernameChanged];
        GET "/account/security/password" => pages::account::password::get, Person;
        POST "/account/security/password" => pages::account::password::post, Person, logs [PasswordChanged];
        GET "/account/delete" => pages::account::delete::get, Person;
        POST "/account/delete" => pages::account::delete::post, Person, logs [AccountDeleted];
        GET "/account/not-me" => pages::account::compromise_report::get, Person;
        POST "/account/not-me" => pages::account::compromise_report::post, Person, logs [CompromiseReported];
        GET "/account/security" => pages::account::security::get, Person;
        GET "/account/security/totp" => pages::account::totp::get, Person;
        POST "/account/security/totp" => pages::account::totp::post, Person, logs [TotpAdded, RecoveryCodesCreated];
        POST "/account/security/totp/remove" => pages::account::totp::remove, Person, logs [TotpRemoved];
        POST "/account/security/recovery-codes" => pages::account::recovery_codes::regenerate, Person, logs [RecoveryCodesCreated];
        POST "/account/security/recovery-codes/file" => pages::account::recovery_codes::download, Person, logs_nothing READS;
        POST "/account/security/browsers/forget" => pages::account::security::forget, Person, logs [DevicesForgotten];
        GET "/account/sessions" => pages::account::sessions::get, Person;
        POST "/account/sessions/end-others" => pages::account::sessions::end_others, Person, logs [OtherSessionsEnded];
        POST "/account/sessions/{id}/end" => pages::account::sessions::end, Person, logs [SessionEnded];
        POST "/account/sessions/tokens/{id}/end" => pages::account::sessions::end_token, Person, logs [UserTokenEnded];
        GET "/account/confirm" => pages::account::confirm::get, Person;
        POST "/account/confirm" => pages::account::confirm::post, Person, logs_nothing "it checks a password, and changes nothing";
        GET "/account/tokens" => pages::account::tokens::get, Person;
        GET "/account/tokens/new" => pages::account::new_token::get, Person;
        POST "/account/tokens/new" => pages::account::new_token::post, Person, logs [PersonalTokenCreated];
        POST "/account/tokens/revoke-unused" => pages::account::tokens::revoke_unused, Person, logs [PersonalTokensRevoked];
        POST "/account/tokens/revoke-all" => pages::account::tokens::revoke_all, Person, logs [PersonalTokensRevoked];
        POST "/account/tokens/generator/show" => pages::account::tokens::show_generator, Person, logs_nothing READS;
        POST "/account/tokens/generator/regenerate" => pages::account::tokens::regenerate, Person, logs [GeneratorRegenerated];
        POST "/account/tokens/{id}/revoke" => pages::account::tokens::revoke, Person, logs [PersonalTokenRevoked];
        GET "/account/log" => pages::account::log::get, Person;
        GET "/account/apps" => pages::account::apps::get, Person;
        POST "/account/apps/{client_id}/remove" => pages::account::apps::remove, Person, logs [ApplicationRemoved];
        GET "/account/security/passkeys" => pages::account::passkeys::get, Person;
        GET "/account/security/passkeys/new" => pages::account::passkeys::get_new, Person;
        POST "/account/security/passkeys/new" => pages::account::passkeys::post_new, Person, logs [PasskeyAdded];
        POST "/account/security/passkeys/{id}/rename" => pages::account::passkeys::rename, Person, logs [PasskeyRenamed];
        POST "/account/security/passkeys/{id}/remove" => pages::account::passkeys::remove, Person, logs [PasskeyRemoved];
    }

    /// The developer console of the signed-in person.
    DEVELOPER_PAGES in "", other_methods ErrorPage {
        GET "/developer" => pages::developer::get, Person;
        GET "/developer/apps/new" => pages::developer::new::get, Person;
        POST "/developer/apps/new" => pages::developer::new::post, Person, logs [ClientCreated];
        GET "/developer/apps/{client_id}" => pages::developer::edit::get, Person;
        POST "/developer/apps/{client_id}" => pages::developer::edit::post, Person, logs [ClientChanged];
        GET "/developer/hosts" => pages::developer::hosts::get, Person;
        POST "/developer/hosts" => pages::developer::hosts::post, Person, logs [HostProven];
        POST "/developer/hosts/{id}/end" => pages::developer::hosts::end, Person, logs [HostLost];
        GET "/developer/apps/{client_id}/log" => pages::developer::log::get, Person;
        POST "/developer/apps/{client_id}/secrets/new" => pages::developer::secrets::roll, Person, logs [ClientSecretCreated];
        POST "/developer/apps/{client_id}/secrets/{id}/end" => pages::developer::secrets::end, Person, logs [ClientSecretEnded];
        POST "/developer/apps/{client_id}/delete" => pages::developer::edit::delete, Person, logs [ClientDeleted];
    }
}
