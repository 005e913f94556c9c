//! `/developer/apps/new`: registers an application.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::edit::show_with_secret;
use super::return_addresses::{ComesBack, NOTICE, new_delivery_in, offered, with_offer};
use super::{limit_note, lines};
use crate::domain::client::ClientType;
use crate::domain::registration::{Draft, FieldProblem};
use crate::domain::secret::random_word;
use crate::identity::alerts;
use crate::identity::emailed_links::requester;
use crate::oauth::clients::{self, By, max_apps_of};
use crate::oauth::parameters::Parameters;
use crate::outcome::{Error, transact};
use crate::store;
use crate::web::app::App;
use crate::web::browser::{Visitor, log_in_first};
use crate::web::error::PageError;
use crate::web::page::{FieldError, Forms, Layout, ok, render, see_other};
use crate::web::pages::Form;
use crate::web::pages::account::address_first;

/// The data of the template `developer/new.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "developer/new.html")]
pub struct NewApp {
    pub layout: Layout,
    pub errors: Vec<FieldError>,
    /// The number of this form. A form that is submitted twice registers one application.
    pub once: String,
    /// The name, as entered.
    pub client_name: String,
    /// The client type, as selected.
    pub client_type: String,
    /// One URI on each line.
    pub redirect_uris: String,
    /// One URL on each line.
    pub login_return_urls: String,
    /// How the login redirect delivers the token; empty until the owner selects it.
    pub login_delivery: String,
    /// The return URL with its answer, for each way of delivery.
    pub comes_back: ComesBack,
}

/// Shows the form. A link may prefill a login return URL, but only the person submits it.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    if let Some(page) = address_first(&app, &visitor) {
        return Err(page);
    }
    let (layout, offered) = (visitor.layout(&app), offered(&request));
    let login_return_urls = with_offer(String::new(), offered.as_ref());
    Ok(ok(&NewApp {
        layout: if offered.is_some() { layout.with_notice(NOTICE) } else { layout },
        errors: Vec::new(),
        once: random_word(),
        client_name: String::new(),
        client_type: ClientType::Confidential.as_str().to_owned(),
        redirect_uris: String::new(),
        login_delivery: String::new(),
        comes_back: ComesBack::for_first(&login_return_urls),
        login_return_urls,
    }))
}

/// Returns the form as a draft, and the problems of fields that cannot be parsed. A new application requires PKCE.
fn draft(form: &Parameters) -> (Draft, Vec<FieldProblem>) {
    let mut problems = Vec::new();
    let client_type = form.get("client_type").unwrap_or("confidential").parse().unwrap_or_else(|error| {
        problems.push(FieldProblem { field: "client_type", message: format!("This {error}.") });
        ClientType::Confidential
    });
    let (login_delivery, problem) = new_delivery_in(form);
    problems.extend(problem);
    let draft = Draft {
        redirect_uris: lines(form, "redirect_uris"),
        login_return_urls: lines(form, "login_return_urls"),
        login_delivery,
        require_pkce: true,
        ..Draft::new(form.get("client_name").unwrap_or_default(), client_type)
    };
    (draft, problems)
}

/// Registers the application and shows its secret once.
pub async fn post(app: Data<App>, visitor: Visitor, Form(form): Form) -> Result<HttpResponse, PageError> {
    if let Some(page) = address_first(&app, &visitor) {
        return Err(page);
    }
    let number = (visitor.user.id, form.get("once"));
    if let Some(location) = app.sent_forms.find(app.now(), number) {
        return Ok(see_other(&location));
    }
    let (draft, unread) = draft(&form);
    let (now, shared, who, origin) = (app.now(), app.clone(), visitor.clone(), visitor.origin.clone());
    let registered = transact(&app.store, move |tx| {
        // A person whose session ended meanwhile, for example by a new password, registers nothing.
        let Some(Visitor { user: owner, .. }) = who.recheck(tx, &shared, now)? else { return Ok(None) };
        let owned = store::clients::list(tx, Some(owner.id))?.len();
        if owned >= max_apps_of(&owner) {
            let message = limit_note(&owner, owned).unwrap_or_default();
            return Err(Error::Refused(vec![FieldProblem { field: "", message }]));
        }
        let wanted = (By::Owner(owner.id), draft.clone());
        let rules = shared.config.registration_rules();
        clients::refuse_with(tx, &rules, &draft, unread.clone())?;
        let made = clients::register(tx, now, &rules, wanted, Some(&origin))?;
        if made.secret.is_some() {
            alerts::secret_made(tx, (&shared.mail, &requester(now, &origin)), (&owner, &made.client))?;
        }
        Ok(Some(made))
    });
    match registered.await {
        Ok(None) => Ok(see_other(&log_in_first(&app, &app.public.path("/developer/apps/new")))),
        Ok(Some(registered)) => {
            let location = app.public.path(&format!("/developer/apps/{}", registered.client.client_id));
            app.sent_forms.remember(now, number, &location);
            match registered.secret {
                Some(secret) => show_with_secret(&app, &visitor, &registered.client.client_id, &secret).await,
                None => Ok(see_other(&location)),
            }
        }
        Err(Error::Refused(problems)) => Ok(show_form_again(&app, &visitor, &form, problems)),
        Err(Error::Failed(error)) => Err(error.into()),
    }
}

fn show_form_again(app: &App, visitor: &Visitor, form: &Parameters, problems: Vec<FieldProblem>) -> HttpResponse {
    let field = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let page = NewApp {
        layout: visitor.layout(app),
        errors: problems.into_iter().map(FieldError::from).collect(),
        once: random_word(),
        client_name: field("client_name"),
        client_type: field("client_type"),
        redirect_uris: field("redirect_uris"),
        login_return_urls: field("login_return_urls"),
        login_delivery: field("login_delivery"),
        comes_back: ComesBack::for_first(&field("login_return_urls")),
    };
    render(StatusCode::BAD_REQUEST, Forms::Stay, &page)
}
