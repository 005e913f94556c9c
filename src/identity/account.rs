//! Changes that a user makes to their account: profile, user name, password.

use super::emailed_links::requester;
use super::factors::CodeRefusal;
use super::new_user;
use super::password_hashing::{Busy, Verdict};
use super::sign_in::SignInContext;
use super::throttle::{CountedAccount, Throttled};
use crate::clock::UnixTime;
use crate::domain::address::is_unbroken;
use crate::domain::grant::Grant;
use crate::domain::held_name::MOST_FORMER;
use crate::domain::id::Id;
use crate::domain::mailed_link::LinkKind;
use crate::domain::password::NewPassword;
use crate::domain::registration::FieldProblem;
use crate::domain::secret::Secret;
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::{Origin, Session};
use crate::domain::token::{SessionKey, Token};
use crate::domain::user::{Role, User, Username, fold};
use crate::mail::Mail;
use crate::mail::warnings::{PasswordChanged, UsernameChanged};
use crate::outcome::{Error, transact};
use crate::store::{
    Database, held_names, mailed_links, remembered_browsers, security_log, sessions, user_pictures, users,
};
use crate::tokens::revoke;

/// Why nothing was changed, with a message for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountRefusal {
    /// A field is invalid.
    #[error("{0}")]
    Invalid(String),
    /// The current password is wrong.
    #[error("The current password is wrong.")]
    WrongPassword,
    /// The code of the second factor was not accepted.
    #[error("{0}")]
    Code(CodeRefusal),
    /// Too many attempts; the seconds to wait.
    #[error("{}", Throttled(*.0))]
    Throttled(i64),
    /// An emailed link is unknown, used or expired.
    #[error("This link is over: it works once and for a while only. Ask for a new one.")]
    LinkEnded,
    /// The operator has not set up mail.
    #[error("This server sends no letters. Ask the people who run it.")]
    MailOff,
    /// The operator does not allow it for this user.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The queue of the password hasher is full.
    #[error("The server is busy right now. Try again in a moment.")]
    Busy,
}

impl From<Busy> for AccountRefusal {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl From<FieldProblem> for AccountRefusal {
    fn from(problem: FieldProblem) -> Self {
        Self::Invalid(problem.message)
    }
}

impl From<Throttled> for AccountRefusal {
    fn from(Throttled(seconds): Throttled) -> Self {
        Self::Throttled(seconds)
    }
}

/// The profile fields of an update; an absent field keeps its value.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Up to 1,500 characters.
    pub about: Option<Option<String>>,
    /// A URL of up to 255 characters.
    pub homepage: Option<Option<String>>,
    /// A picture in base64.
    pub picture: Option<Option<String>>,
    /// Whether other users may send them messages.
    pub allow_contact: Option<bool>,
}

impl Profile {
    /// Checks the lengths (`docs/compatibility/ellipsis.md#the-account`).
    ///
    /// # Errors
    /// The first field that is invalid.
    pub fn check(self) -> Result<Self, FieldProblem> {
        let wrong = |field, message: &str| FieldProblem { field, message: message.to_owned() };
        let is_long = |field: &Option<Option<String>>, most: usize| {
            field.as_ref().and_then(Option::as_ref).is_some_and(|text| text.chars().count() > most)
        };
        if is_long(&self.about, 1_500) {
            return Err(wrong("about", "about has at most 1500 characters."));
        }
        let is_web = |text: &String| (text.starts_with("https://") || text.starts_with("http://")) && is_unbroken(text);
        let homepage = self.homepage.as_ref().and_then(Option::as_ref);
        if is_long(&self.homepage, 255) || homepage.is_some_and(|text| !is_web(text) || url::Url::parse(text).is_err())
        {
            return Err(wrong("homepage", "homepage is an http(s) address of at most 255 characters."));
        }
        let picture = self.picture.as_ref().and_then(Option::as_ref);
        if picture
            .is_some_and(|text| !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=:;,-".contains(&byte)))
        {
            return Err(wrong("picture", "picture is an image in base64."));
        }
        Ok(self)
    }
}

/// Writes a checked profile.
///
/// # Errors
/// When the store fails.
pub fn update_profile(tx: &mut Database, user: Id<User>, profile: &Profile) -> crate::store::Result<()> {
    let Some(mut person) = users::find(tx, user)? else { return Ok(()) };
    let Profile { about, homepage, picture, allow_contact } = profile.clone();
    person.about = about.unwrap_or(person.about);
    person.homepage = homepage.unwrap_or(person.homepage);
    person.allow_contact = allow_contact.unwrap_or(person.allow_contact);
    if let Some(picture) = picture {
        user_pictures::replace(tx, user, picture.as_deref())?;
    }
    users::update_profile(tx, &person)
}

/// Changes a user name, and emails the user. The previous name is held for them. The caller checked that the
/// user authenticated recently.
///
/// # Errors
/// A name that is invalid, taken or misleading, or too many changes.
pub fn rename(
    tx: &mut Database,
    now: UnixTime,
    mail: &Mail,
    (user, origin): (&User, &Origin),
    name: &str,
) -> Result<(), Error<AccountRefusal>> {
    // A form also sends an unchanged name, and that may be older than the rules.
    if name.trim() == user.username {
        return Ok(());
    }
    let name: Username = name.parse().map_err(|error: crate::domain::user::InvalidUsername| {
        Error::Refused(AccountRefusal::Invalid(error.to_string()))
    })?;
    let folded = fold(name.as_str());
    if !new_user::is_free(tx, now, &folded, user.id)? {
        return Err(Error::Refused(AccountRefusal::Invalid("This user name is taken.".to_owned())));
    }
    if user.username == name.as_str() {
        return Ok(());
    }
    let deception = if user.role == Role::Admin { None } else { new_user::find_deception(tx, &name)? };
    if let Some(deception) = deception {
        return Err(Error::Refused(AccountRefusal::Invalid(deception.to_string())));
    }
    let is_other = user.username_folded != folded;
    if is_other && held_names::count(tx, now, (user.id, &folded))? >= MOST_FORMER {
        let message = "You had many other user names lately. Keep this one for a while.".to_owned();
        return Err(Error::Refused(AccountRefusal::Invalid(message)));
    }
    users::rename(tx, user.id, name.as_str(), &folded)?;
    new_user::is_still_free(tx, now, &folded, user.id)?;
    if is_other {
        held_names::release(tx, &folded)?;
        new_user::hold_name(tx, now, user)?;
    }
    let about = format!("{} is now {}", user.username, name.as_str());
    security_log::append(tx, now, user.id, (SecurityEvent::UsernameChanged, &about), Some(origin))?;
    let message = UsernameChanged { former: user.username.clone(), username: name.as_str().to_owned() };
    Ok(mail.warn(tx, (user, &requester(now, origin)), &message)?)
}

/// A verified current password: its user, and the hash that it was verified with.
#[derive(Clone)]
pub struct Confirmed {
    user: Id<User>,
    hash: Option<String>,
}

impl Confirmed {
    /// Reads the hash and status again, inside the transaction that writes, and refuses if either changed.
    ///
    /// # Errors
    /// [`AccountRefusal::WrongPassword`] when the hash or the status changed.
    pub fn still_counts(&self, tx: &mut Database) -> Result<(), Error<AccountRefusal>> {
        users::lock(tx, self.user)?;
        let is_same = |user: &User| user.is_active() && user.password_digest == self.hash;
        match users::find(tx, self.user)?.filter(is_same) {
            Some(_) => Ok(()),
            None => Err(Error::Refused(AccountRefusal::WrongPassword)),
        }
    }
}

/// Verifies a user's current password; the attempt is counted like a sign-in.
///
/// # Errors
/// [`AccountRefusal::WrongPassword`], or why it cannot be verified now.
pub async fn confirm(
    context: SignInContext<'_>,
    now: UnixTime,
    (user, password, address): (&User, Secret, &str),
) -> Result<Confirmed, Error<AccountRefusal>> {
    let refused = |refusal: AccountRefusal| Error::Refused(refusal);
    let keys = context.throttle.rate_limit_keys(CountedAccount::User(user.id), address);
    let (keys_to_read, id) = (keys.clone(), user.id);
    let stored_failures = context.store.read(move |db| keys_to_read.find_stored(db, now, Some(id))).await?;
    let attempt =
        context.throttle.attempt(now, keys, &stored_failures).map_err(|throttled| refused(throttled.into()))?;
    let attempt =
        attempt.count_in_database(context.store).await.map_err(|error| error.map_refusal(AccountRefusal::from))?;
    match context.hasher.verify(password, user.password_digest.clone()).await {
        Ok(Verdict::Wrong) => Err(refused(AccountRefusal::WrongPassword)),
        Ok(Verdict::Right | Verdict::RightButWeak) => {
            attempt.succeeded().await;
            Ok(Confirmed { user: user.id, hash: user.password_digest.clone() })
        }
        Err(busy) => {
            attempt.discard().await;
            Err(refused(busy.into()))
        }
    }
}

/// What a password change does not end: the session or grant that made it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept {
    /// The browser session that changed it, or the session behind the token.
    pub session: Option<Id<Session>>,
    /// The grant of the token that changed it.
    pub grant: Option<Id<Grant>>,
}

/// Changes the password. All other sessions, user tokens, codes and grants end; personal tokens stay. Emailed
/// links that would change the password or the email address end too. A browser that changed it gets a new key
/// for its session, so that a copy of the old cookie is useless; a session behind a token keeps its key, since
/// its browser could not be given a new one.
///
/// # Errors
/// A weak new password, a wrong current one, or why they cannot be checked now.
pub async fn change_password(
    context: SignInContext<'_>,
    now: UnixTime,
    (user, old, new): (&User, Secret, &str),
    (origin, kept): (&Origin, Kept),
) -> Result<Option<Token<SessionKey>>, Error<AccountRefusal>> {
    let new = NewPassword::check(new, &user.username);
    let new = new.map_err(|error| Error::Refused(AccountRefusal::Invalid(error.to_string())))?;
    confirm(context, now, (user, old, &origin.address)).await?;
    let hash = context.hasher.hash(new.secret().clone()).await.map_err(|busy| Error::Refused(busy.into()))?;
    let (id, judged, origin) = (user.id, user.password_digest.clone().unwrap_or_default(), origin.clone());
    let (mail, user) = (context.mail.clone(), user.clone());
    let renewed = transact(context.store, move |tx| {
        if !users::replace_password_digest(tx, id, &judged, &hash)? {
            return Err(Error::Refused(AccountRefusal::WrongPassword));
        }
        for session in sessions::list(tx, now, id)?.iter().filter(|session| Some(session.id) != kept.session) {
            revoke::session(tx, now, id, session.id)?;
        }
        mailed_links::end(tx, now, id, &[LinkKind::Reset, LinkKind::ResetByOperator, LinkKind::ChangeEmail])?;
        security_log::append(tx, now, id, (SecurityEvent::PasswordChanged, ""), Some(&origin))?;
        remembered_browsers::forget_all(tx, id)?;
        revoke::given_to_programs(tx, now, id, kept.grant)?;
        let message = PasswordChanged { username: user.username.clone() };
        mail.warn(tx, (&user, &requester(now, &origin)), &message)?;
        let renewed = kept.session.filter(|_| kept.grant.is_none()).map(Token::<SessionKey>::generate);
        if let Some(key) = &renewed {
            sessions::renew_key(tx, key.id(), &key.digest())?;
        }
        Ok(renewed)
    })
    .await?;
    context.mail.wake();
    Ok(renewed)
}
