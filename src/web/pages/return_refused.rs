//! The error page of a refused login redirect, for the person and for the developer of the application. The
//! page suggests only registrations that the developer console accepts, because it applies the same rules.

use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::developer::return_addresses::offer;
use crate::domain::client::Client;
use crate::domain::host_proof::ProvableOrigin;
use crate::domain::login_return_url::{LoginReturnUrl, ReturnUrl};
use crate::identity::login_redirect::LoginRedirectRefusal;
use crate::oauth::clients::max_apps_of;
use crate::oauth::hosts;
use crate::store::clients;
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::Link;
use crate::web::refusal_details::RefusedClient;

/// Returns the error page for a refusal.
pub(super) async fn page(app: &Data<App>, refusal: &LoginRedirectRefusal, visitor: Option<&Visitor>) -> PageError {
    let page = match refusal {
        LoginRedirectRefusal::Malformed => refused("malformed-login-redirect", "The app's link cannot be read.")
            .for_developer("Send referer and state once each, as percent-encoded UTF-8, and session only by itself."),
        LoginRedirectRefusal::FormerParameter => {
            refused("former-login-parameter", "The app's link is of an old form that is no longer used.")
                .for_developer("Send the address as referer, not as originUrl.")
        }
        LoginRedirectRefusal::Invalid(error) => {
            let what = "The app asks us to send you to an address that we cannot send anybody to.";
            refused("invalid-return-url", what).for_developer(&format!("The referer is not a return URL: {error}."))
        }
        LoginRedirectRefusal::ChallengeRequired(client) => {
            let cause = "the application takes login codes, and no S256 code_challenge came";
            refused("login-challenge-required", "The app's link lacks a part that protects your log-in.")
                .for_developer(
                    "Your application takes login codes: send code_challenge (S256, 43 base64url characters), as login.js does.",
                )
                .of_client(RefusedClient::Known(*client), ("invalid_request", cause))
        }
        LoginRedirectRefusal::Suspended(url) => {
            let what = "The people who run this server have suspended the app that asks for your log-in.";
            refused("suspended-return-url", what)
                .with_detail(url.as_str())
                .for_developer("Ask the people who run this server why.")
        }
        LoginRedirectRefusal::Unregistered(url) => unregistered(app, url, visitor).await,
    };
    match visitor {
        Some(visitor) => page.seen_by(visitor.person()),
        None => page,
    }
}

fn refused(id: &'static str, what: &'static str) -> PageError {
    let advice = "You did nothing wrong, and nothing was sent anywhere. Tell the people who make the app.";
    PageError::new(StatusCode::BAD_REQUEST, id, "This app cannot receive a log-in", what, advice)
}

async fn unregistered(app: &Data<App>, url: &ReturnUrl, visitor: Option<&Visitor>) -> PageError {
    let what = "The app asks us to send you to an address that is not registered here.";
    let page = refused("unregistered-return-url", what).with_detail(url.as_str());
    let (wanted, owner) = (url.to_register(), visitor.map(|visitor| visitor.user.id));
    let asked = wanted.clone();
    let found = app.store.read(move |db| {
        let own = owner.map(|owner| clients::list(db, Some(owner))).transpose()?;
        Ok((hosts::obstacle(db, owner, &asked)?, own.unwrap_or_default()))
    });
    match (found.await, visitor) {
        (Err(error), _) => PageError::from(error),
        (Ok((Some(obstacle), _)), _) => page
            .for_developer(&hosts::in_words(obstacle, &wanted))
            .with_ways(proof(app, &wanted).filter(|_| visitor.is_some()).into_iter().collect()),
        (Ok((None, _)), None) => page.for_developer(
            "Register this address as a login return URL of your app, in the developer console. \
             Log in here first: this page then opens the form, filled in.",
        ),
        (Ok((None, _)), Some(visitor)) if !app.sign_in_context().sign_in_policy().may_add_credentials(&visitor.user) => page.for_developer(
            "If the app is yours: Confirm your e-mail address first. Then this page opens the form that takes this one.",
        ),
        (Ok((None, own)), Some(visitor)) => page
            .for_developer(
                "If the app is yours: Register this address as one of its login return URLs. \
                 The form opens filled in, and nothing changes until you save it.",
            )
            .with_ways(ways(app, &wanted, own, max_apps_of(&visitor.user))),
    }
}

/// Returns the link to prove the host of a return URL, when the host can be proven.
fn proof(app: &App, wanted: &LoginReturnUrl) -> Option<Link> {
    let host = ProvableOrigin::of(&wanted.address().origin())?;
    let label = format!("Prove that {} is yours", wanted.address().host());
    Some(Link { label, href: app.public.path(&super::developer::hosts::path_for(&host)) })
}

/// Returns the links to the forms that can register the return URL: of each application of the person, and of
/// a new one while they may have more.
fn ways(app: &App, wanted: &LoginReturnUrl, own: Vec<Client>, most: usize) -> Vec<Link> {
    let offered = offer(wanted);
    let new = (own.len() < most).then(|| Link {
        label: "Register a new app".to_owned(),
        href: app.public.path(&format!("/developer/apps/new?{offered}")),
    });
    let add = own.into_iter().map(|client| Link {
        label: format!("Add it to {}", client.name),
        href: app.public.path(&format!("/developer/apps/{}?{offered}#change", client.client_id)),
    });
    add.chain(new).collect()
}
