//! `/account/profile`: changes the profile, the user name and the email address of a person.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::confirm;
use crate::domain::mailed_link::LinkKind;
use crate::domain::registration::FieldProblem;
use crate::domain::secret::Secret;
use crate::identity::account::{self, AccountRefusal};
use crate::identity::{email, email_code};
use crate::oauth::parameters::Parameters;
use crate::outcome::{Error, transact};
use crate::store::{StoreError, mailed_links, users};
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{FieldError, Forms, Layout, render};
use crate::web::pages::Form;

/// The data of the template `account/profile.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/profile.html")]
pub struct Profile {
    pub layout: Layout,
    pub errors: Vec<FieldError>,
    /// The user name, as entered or as stored.
    pub username: String,
    /// The person's description of themselves.
    pub about: String,
    pub homepage: String,
    /// Whether other people may contact this person.
    pub allow_contact: bool,
    pub email: Option<String>,
    pub is_email_verified: bool,
    /// A new email address that is not proven yet.
    pub pending: Option<String>,
    /// The address that received the code, when this session may enter the code here.
    pub code_sent_to: Option<String>,
    /// The new email address, as entered.
    pub new_email: String,
    /// Whether the server sends email.
    pub is_mail_on: bool,
    pub has_password: bool,
    /// The stored user name, for password managers.
    pub signed_in_as: String,
}

/// What the page shows in addition to the stored values.
#[derive(Default)]
struct Shown<'a> {
    errors: Vec<FieldError>,
    notice: Option<String>,
    typed: Option<&'a Parameters>,
    status: Option<StatusCode>,
}

impl Shown<'_> {
    fn said(notice: &str) -> Self {
        Self { notice: Some(notice.to_owned()), ..Self::default() }
    }
}

async fn show(app: &Data<App>, visitor: &Visitor, shown: Shown<'_>) -> Result<HttpResponse, PageError> {
    let (now, session) = (app.now(), visitor.session.clone());
    let found = app.store.read(move |db| {
        let Some(user) = users::find(db, session.user_id)? else { return Ok(None) };
        let pending = mailed_links::find_pending_email(db, now, user.id)?;
        Ok(Some((user, pending, email_code::find_address(db, now, &session)?)))
    });
    let found = found.await?;
    let (user, pending, code_sent_to) = found.ok_or_else(PageError::not_found)?;
    let of = |part: &str| shown.typed.filter(|form| form.get("part") == Some(part));
    let typed = |field: &str, kept: String| of("profile").map_or(kept, |form| written(form, field));
    let layout = Layout { person: Some(user.username.clone()), ..app.layout() };
    let wrong = if shown.errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = Profile {
        layout: shown.notice.map_or(layout.clone(), |notice| layout.with_notice(&notice)),
        errors: shown.errors,
        username: typed("username", user.username.clone()),
        about: typed("about", user.about.clone().unwrap_or_default()),
        homepage: typed("homepage", user.homepage.clone().unwrap_or_default()),
        allow_contact: of("profile").map_or(user.allow_contact, |form| form.get("allow_contact").is_some()),
        is_email_verified: user.email_verified_at.is_some(),
        email: user.email,
        pending,
        code_sent_to,
        new_email: of("email").map(|form| written(form, "email")).unwrap_or_default(),
        is_mail_on: app.mail.is_on(),
        has_password: user.password_digest.is_some(),
        signed_in_as: user.username,
    };
    Ok(render(shown.status.unwrap_or(wrong), Forms::Stay, &page))
}

/// Returns a field to be shown again, shortened to a reasonable length for a page.
fn written(form: &Parameters, field: &str) -> String {
    form.get(field).unwrap_or_default().chars().take(4_000).collect()
}

/// Shows the profile with its forms.
pub async fn get(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    show(&app, &visitor, Shown::default()).await
}

/// Handles one of the forms of the page.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    visitor: Visitor,
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    let (now, origin) = (app.now(), app.origin_of(&request));
    let (field, notice, done) = match form.get("part") {
        // A browser that skipped the second step must complete it before the account gets another email address.
        Some("email") if visitor.session.second_factor_pending => {
            return Ok(confirm::first(&app, &app.public.path("/account/profile")));
        }
        Some("email") => {
            let wanted = (
                &visitor.user,
                form.get("email").unwrap_or_default(),
                Secret::new(form.get("password").unwrap_or_default()),
            );
            let done = email::update(app.sign_in_context(), now, wanted, (&origin, Some(visitor.session.id))).await;
            ("email", "A letter is on its way to the new address.", done)
        }
        Some("again") => {
            let done = email::send_again(app.sign_in_context(), now, &visitor.session, &origin).await;
            ("", "The letter was sent again. The link before no longer works.", done)
        }
        Some("cancel") => ("", "Your address stays as it is.", cancel(&app, &visitor).await),
        Some("code") => {
            let typed = form.get("code").unwrap_or_default();
            let done = email_code::confirm(app.sign_in_context(), now, (&visitor.session, typed), &origin).await;
            ("code", "Your e-mail address is confirmed.", done)
        }
        _ => return save(&app, &visitor, (&form, &request)).await,
    };
    match done {
        Ok(()) => show(&app, &visitor, Shown::said(notice)).await,
        Err(Error::Failed(error)) => Err(error.into()),
        Err(Error::Refused(refusal)) => refused(&app, &visitor, (&form, field), refusal).await,
    }
}

async fn refused(
    app: &Data<App>,
    visitor: &Visitor,
    (form, field): (&Parameters, &'static str),
    refusal: AccountRefusal,
) -> Result<HttpResponse, PageError> {
    let status = match refusal {
        AccountRefusal::Busy => return Err(PageError::busy()),
        AccountRefusal::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::BAD_REQUEST,
    };
    let (field, message) = match refusal {
        AccountRefusal::WrongPassword => ("password", "The password is wrong.".to_owned()),
        AccountRefusal::Throttled(_) if field == "email" => ("password", refusal.to_string()),
        AccountRefusal::LinkEnded if field == "code" => {
            ("", "This code is over. Open the link in the letter, or send a new one.".to_owned())
        }
        AccountRefusal::LinkEnded => ("", "There is no address here that waits to be confirmed.".to_owned()),
        other => (field, other.to_string()),
    };
    let errors = vec![FieldError { field, message }];
    show(app, visitor, Shown { errors, typed: Some(form), status: Some(status), notice: None }).await
}

async fn cancel(app: &Data<App>, visitor: &Visitor) -> Result<(), Error<AccountRefusal>> {
    let (now, shared, who) = (app.now(), app.clone(), visitor.clone());
    let ended = app.store.write(move |tx| {
        let Some(visitor) = who.recheck(tx, &shared, now)? else { return Ok(()) };
        mailed_links::end(tx, now, visitor.user.id, &[LinkKind::ChangeEmail])
    });
    Ok(ended.await?)
}

/// Returns the profile in the form. An empty field clears the value.
fn profile_of(form: &Parameters) -> account::Profile {
    let text = |field: &str| {
        // Browsers submit a line break as two characters (WHATWG HTML §4.10.22.4); it counts as one.
        let text = form.get(field).unwrap_or_default().trim().replace("\r\n", "\n");
        Some(Some(text).filter(|text| !text.is_empty()))
    };
    let allow_contact = Some(form.get("allow_contact").is_some());
    account::Profile { about: text("about"), homepage: text("homepage"), picture: None, allow_contact }
}

/// Saves user name and profile in one transaction.
async fn save(
    app: &Data<App>,
    visitor: &Visitor,
    (form, request): (&Parameters, &HttpRequest),
) -> Result<HttpResponse, PageError> {
    let again = |error: FieldError| Shown { errors: vec![error], typed: Some(form), ..Shown::default() };
    let profile = match profile_of(form).check() {
        Ok(profile) => profile,
        Err(FieldProblem { field, message }) => {
            return show(app, visitor, again(FieldError { field, message: in_page_words(field, message) })).await;
        }
    };
    let name = form.get("username").unwrap_or_default().to_owned();
    if name.trim() != visitor.user.username && !visitor.has_recent_authentication(app.now()) {
        return Ok(confirm::first(app, &app.public.path("/account/profile")));
    }
    let (now, shared, who, origin) = (app.now(), app.clone(), visitor.clone(), app.origin_of(request));
    let saved = transact::<_, AccountRefusal, _>(&app.store, move |tx| {
        let Some(visitor) = who.recheck(tx, &shared, now)? else { return Err(Error::Failed(StoreError::Conflict)) };
        let user = &visitor.user;
        // The user name first: it may be refused, and a refusal commits.
        account::rename(tx, now, &shared.mail, (user, &origin), &name)?;
        Ok(account::update_profile(tx, user.id, &profile)?)
    });
    let saved = saved.await;
    app.mail.wake();
    match saved {
        Ok(()) => show(app, visitor, Shown::said("Saved.")).await,
        Err(Error::Refused(refusal)) => {
            show(app, visitor, again(FieldError { field: "username", message: refusal.to_string() })).await
        }
        Err(Error::Failed(error)) => Err(error.into()),
    }
}

/// Replaces a message that names a field as the API does with one for people.
fn in_page_words(field: &str, message: String) -> String {
    match field {
        "about" => "Write at most 1500 characters about yourself.".to_owned(),
        "homepage" => "Write a web address that begins with https:// or http://, of at most 255 characters.".to_owned(),
        _ => message,
    }
}
