//! `gatepost user …`: creates and administers people's accounts.

use std::io::Read;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use url::Url;

use super::{CommandError, output, start, user_deletion};
use crate::clock::{Clock, UnixTime};
use crate::config::Config;
use crate::domain::base_key::BaseKeys;
use crate::domain::client::Client;
use crate::domain::password::NewPassword;
use crate::domain::secret::Secret;
use crate::domain::security_log::{BY_OPERATOR, SecurityEvent};
use crate::domain::user::{EmailAddress, InvalidEmailAddress, Role, User as Person, fold};
use crate::identity::new_user::{self, Credentials};
use crate::identity::password_hashing::Hasher;
use crate::identity::{access_reset, alerts, factors, invitation, recovery};
use crate::mail::Mail;
use crate::mail::email::{EmailRequester, Invitation, invitation_url};
use crate::mail::transport::MailUrl;
use crate::mail::warnings::{FactorsRemoved, PasswordReset};
use crate::oauth::client_changes::{Change, for_emails};
use crate::outcome::transact;
use crate::store::{Database, Store, StoreError, security_log, users};
use crate::web::app::PublicUrl;

/// The subcommands of `gatepost user`.
#[derive(Subcommand)]
pub enum User {
    /// Make an account. You vouch for the e-mail address.
    Create(Create),
    /// List everybody.
    List,
    /// Show one person.
    Show(Named),
    /// Disable a person: their sessions and tokens stop working at once. Undone by enable.
    Disable(Named),
    /// Enable a disabled person.
    Enable(Named),
    /// Delete a person: closed at once, erased after 24 hours. Until then they can keep the account
    /// themselves; disable them first if they must not.
    Delete(Delete),
    /// Keep a person who was deleted less than 24 hours ago.
    Keep(Named),
    /// Set a new password, read from standard input. All that opened the account ends: sessions, tokens,
    /// passkeys, the second step, secrets of their apps. Or print a link that does the same.
    ResetPassword(ResetPassword),
    /// Take the second factor away from somebody who lost it, once you know that it is them.
    RemoveFactors(Named),
    /// Invite somebody to make an account: mails the link, or prints it where no letters are sent.
    Invite(Invite),
}

/// Arguments of `gatepost user create`.
#[derive(Args)]
pub struct Create {
    /// The user name.
    #[arg(long)]
    username: String,
    /// The e-mail address.
    #[arg(long)]
    email: String,
    /// Read the password from standard input; without it the account has none yet.
    #[arg(long)]
    password_stdin: bool,
    /// Make an administrator.
    #[arg(long)]
    admin: bool,
    /// What their tokens may be at most: consumer, author or admin.
    #[arg(long, default_value = "author", conflicts_with = "admin")]
    role: String,
}

/// Arguments of `gatepost user invite`.
#[derive(Args)]
pub struct Invite {
    /// The e-mail address. It counts as theirs once they used the link.
    #[arg(long)]
    email: String,
}

/// Arguments of `gatepost user reset-password`.
#[derive(Args)]
pub struct ResetPassword {
    #[command(flatten)]
    named: Named,
    /// Print a one-time link to hand over instead; the person sets the password themselves.
    #[arg(long)]
    link: bool,
}

/// Arguments of `gatepost user delete`.
#[derive(Args)]
pub struct Delete {
    #[command(flatten)]
    named: Named,
    /// Erase everything at once; this cannot be undone.
    #[arg(long)]
    now: bool,
}

/// The person that a command is about.
#[derive(Args)]
pub struct Named {
    /// The user name.
    #[arg(value_name = "USERNAME")]
    pub(super) username: String,
}

/// Runs one of the `user` commands.
///
/// # Errors
/// When the database cannot be used, or when the command is refused.
pub async fn run(command: User, config: Config, is_json: bool) -> Result<(), CommandError> {
    let (store, keys) = start::store(&config, &Clock::System).await?;
    let now = Clock::System.now();
    match command {
        User::Create(new) => create(&store, now, &config, new, is_json).await,
        User::List => {
            let everybody = store.read(users::list).await?;
            output::list(&everybody.iter().map(shown).collect::<Vec<_>>(), is_json)
        }
        User::Show(named) => output::record(&shown(&find(&store, &named).await?), is_json),
        User::Disable(named) => set_disabled(&store, now, &named, true, is_json).await,
        User::Enable(named) => set_disabled(&store, now, &named, false, is_json).await,
        User::RemoveFactors(named) => remove_factors(&store, now, (&config, keys), &named, is_json).await,
        User::Delete(Delete { named, now: is_now }) => {
            user_deletion::delete(&store, now, (&config, keys), (&named, is_now), is_json).await
        }
        User::Keep(named) => user_deletion::restore(&store, now, &named, is_json).await,
        User::ResetPassword(ResetPassword { named, link: true }) => {
            print_reset_link(&store, now, &config, &named, is_json).await
        }
        User::ResetPassword(ResetPassword { named, link: false }) => {
            reset_password(&store, now, (&config, keys), &named, is_json).await
        }
        User::Invite(invite) => invite_by_mail(&store, now, (&config, keys), &invite, is_json).await,
    }
}

fn read_password() -> Result<Secret, CommandError> {
    let mut text = zeroize::Zeroizing::new(String::new());
    std::io::stdin().read_to_string(&mut text)?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

async fn create(store: &Store, now: UnixTime, config: &Config, new: Create, is_json: bool) -> Result<(), CommandError> {
    let role = if new.admin { Ok(Role::Admin) } else { new.role.parse() };
    let role: Role = role.map_err(|error| CommandError::Refused(format!("role {error}")))?;
    let password = if new.password_stdin { Some(read_password()?) } else { None };
    let credentials =
        Credentials { username: &new.username, email: &new.email, password: password.as_ref().map(Secret::expose) };
    let person = new_user::check(credentials).map_err(crate::outcome::Error::Refused)?;
    let hasher = Hasher::start(config.bcrypt_cost, 1)?;
    let hash = person.hash(&hasher).await.map_err(|busy| CommandError::Refused(busy.to_string()))?;
    let user =
        transact(store, move |tx| new_user::create(tx, now, (&person, hash.as_deref()), (role, true, None))).await?;
    output::record(&shown(&user), is_json)
}

pub(super) async fn find(store: &Store, named: &Named) -> Result<Person, CommandError> {
    let folded = fold(&named.username);
    let found = store.read(move |db| users::find_by_login(db, &folded)).await?;
    found.ok_or_else(|| unknown_user(named))
}

/// The error for a user name that does not exist.
pub(super) fn unknown_user(named: &Named) -> CommandError {
    CommandError::Refused(format!("there is no person named '{}'", named.username))
}

async fn set_disabled(
    store: &Store,
    now: UnixTime,
    named: &Named,
    is_disabled: bool,
    is_json: bool,
) -> Result<(), CommandError> {
    let user = find(store, named).await?;
    let event = if is_disabled { SecurityEvent::AccountDisabled } else { SecurityEvent::AccountEnabled };
    if user.disabled_at.is_some() != is_disabled {
        store
            .write(move |tx| {
                users::set_disabled(tx, user.id, is_disabled.then_some(now))?;
                security_log::append(tx, now, user.id, (event, BY_OPERATOR), None)
            })
            .await?;
    }
    output::switched("username", &user.username, is_disabled, is_json)
}

async fn remove_factors(
    store: &Store,
    now: UnixTime,
    (config, keys): (&Config, BaseKeys),
    named: &Named,
    is_json: bool,
) -> Result<(), CommandError> {
    let (user, mail) = (find(store, named).await?, open_mail(config, keys)?);
    let username = user.username.clone();
    let removed = store.write(move |tx| {
        let had_one = factors::remove_all(tx, now, user.id, None)?;
        if let Some(mail) = mail.as_ref().filter(|_| had_one) {
            mail.warn(tx, (&user, &operator(now)), &FactorsRemoved { username: user.username.clone() })?;
        }
        Ok(had_one)
    });
    let had_one = removed.await?;
    let said = format!("{username} {} no second factor", if had_one { "now has" } else { "has" });
    output::done(&json!({ "username": username, "had_factors": had_one }), &said, is_json)
}

async fn reset_password(
    store: &Store,
    now: UnixTime,
    (config, keys): (&Config, BaseKeys),
    named: &Named,
    is_json: bool,
) -> Result<(), CommandError> {
    let (user, mail) = (find(store, named).await?, open_mail(config, keys)?);
    let password = read_password()?;
    let password = NewPassword::check(password.expose(), &user.username);
    let password = password.map_err(|error| CommandError::Refused(error.to_string()))?;
    let hasher = Hasher::start(config.bcrypt_cost, 1)?;
    let hash = hasher.hash(password.secret().clone()).await;
    let hash = hash.map_err(|busy| CommandError::Refused(busy.to_string()))?;
    let (id, username) = (user.id, user.username.clone());
    store
        .write(move |tx| {
            users::set_password_digest(tx, id, &hash)?;
            security_log::append(tx, now, id, (SecurityEvent::PasswordReset, BY_OPERATOR), None)?;
            access_reset::end_all_access(tx, now, &user, None)?;
            let Some(mail) = &mail else { return Ok(()) };
            let message = PasswordReset { username: user.username.clone(), keeps_own_tokens: false };
            mail.warn(tx, (&user, &operator(now)), &message)
        })
        .await?;
    let said =
        format!("{username} has a new password; sessions, tokens, passkeys, second step and app secrets have ended");
    output::done(&json!({ "username": username, "has_password": true }), &said, is_json)
}

/// Returns the writer of emails that the running server sends, or `None` when emails go to the log only.
pub(super) fn open_mail(config: &Config, keys: BaseKeys) -> Result<Option<Mail>, CommandError> {
    if config.mail_url == MailUrl::Log {
        return Ok(None);
    }
    let started = Mail::start(keys, &public_url(config)?, (&config.mail_url, config.mail_from.as_deref()));
    Ok(Some(started.map_err(start::StartError::from)?))
}

/// The requester that emails name when the operator causes them by a command.
pub(super) fn operator(now: UnixTime) -> EmailRequester {
    EmailRequester { at: now, address: "of the server itself".to_owned(), program: "the command line".to_owned() }
}

/// Sends the owner of an application an email that lists the changes to it.
pub(super) fn email_owner_of_app(
    tx: &mut Database,
    now: UnixTime,
    mail: Option<&Mail>,
    client: &Client,
    changes: &[Change],
) -> Result<(), StoreError> {
    let owner = client.owner_id.map(|owner| users::find(tx, owner)).transpose()?.flatten();
    match mail.zip(owner) {
        Some((mail, owner)) => alerts::app_changed(tx, (mail, &operator(now)), (&owner, client), &for_emails(changes)),
        None => Ok(()),
    }
}

/// Returns the public URL. Without the setting, it is the localhost address of `serve` with the configured port.
pub(super) fn public_url(config: &Config) -> Result<Url, CommandError> {
    let port = config.listen.rsplit(':').next().unwrap_or_default();
    match &config.public_url {
        Some(url) => Ok(url.clone()),
        None => Url::parse(&format!("http://localhost:{port}"))
            .map_err(|_no_port| CommandError::Refused("set public_url: the link begins with it".to_owned())),
    }
}

async fn print_reset_link(
    store: &Store,
    now: UnixTime,
    config: &Config,
    named: &Named,
    is_json: bool,
) -> Result<(), CommandError> {
    let user = find(store, named).await?;
    let (issuer, lifetime) = (PublicUrl::new(&public_url(config)?).issuer, config.lifetimes.reset);
    let key = store.write(move |tx| recovery::make_link(tx, now, lifetime, &user)).await?;
    let key = key.ok_or_else(|| CommandError::Refused("this person has no e-mail address".to_owned()))?;
    let link = format!("{issuer}/reset/finish?key={}", key.expose());
    output::done(&json!({ "username": named.username, "link": link }), &link, is_json)
}

async fn invite_by_mail(
    store: &Store,
    now: UnixTime,
    (config, keys): (&Config, BaseKeys),
    invite: &Invite,
    is_json: bool,
) -> Result<(), CommandError> {
    let to: EmailAddress =
        invite.email.parse().map_err(|error: InvalidEmailAddress| CommandError::Refused(error.to_string()))?;
    let folded = fold(to.as_str());
    if store.read(move |db| users::find_by_login(db, &folded)).await?.is_some() {
        return Err(CommandError::Refused("somebody has this e-mail address".to_owned()));
    }
    let url = public_url(config)?;
    let mail = open_mail(config, keys)?;
    let reaches_people = mail.is_some();
    let (issuer, reader) = (PublicUrl::new(&url).issuer, to.clone());
    let link = store
        .write(move |tx| {
            let (key, person) = invitation::make(tx, now, &to)?;
            let link = invitation_url(&issuer, &key, &person.uuid());
            if let Some(mail) = &mail {
                let message = Invitation { inviter: None, key, user_id: person.uuid(), lifetime: invitation::LIFE };
                mail.write(tx, (&to, &operator(now)), &message)?;
            }
            Ok(link)
        })
        .await?;
    if reaches_people {
        let said = format!("an invitation to {} is on its way; the running server sends it", reader.as_str());
        output::done(&json!({ "email": reader.as_str(), "link": null }), &said, is_json)
    } else {
        output::done(&json!({ "email": reader.as_str(), "link": link.expose() }), link.expose(), is_json)
    }
}

fn shown(user: &Person) -> Value {
    json!({
        "username": user.username,
        "id": user.id.uuid(),
        "email": user.email,
        "email_verified": user.email_verified_at.is_some(),
        "role": user.role.as_str(),
        "disabled": user.disabled_at.is_some(),
        "has_password": user.password_digest.is_some(),
        "created_at": user.created_at.rfc3339(),
    })
}
