//! Emails. The transaction that causes an email writes it, encrypted, to the outbox; a background job sends it. A mail
//! server that does not answer loses no email, and no request waits for it.

pub mod contact;
pub mod email;
pub mod passkeys;
pub mod second_factor;
pub mod transport;
pub mod warnings;

use std::time::Duration;

use askama::Template;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use url::Url;

use crate::clock::UnixTime;
use crate::domain::base_key::BaseKeys;
use crate::domain::id::Id;
use crate::domain::mailed_link::{COMPROMISE_REPORT_LIFE, LinkKind, MailedLink};
use crate::domain::queued_email::QueuedEmail;
use crate::domain::redirect_uri::is_loopback_host;
use crate::domain::user::{EmailAddress, User};
use crate::store::{self, Database, Store, StoreError, mailed_links};
use email::{Email, EmailBody, EmailRequester};
use transport::{MailUrl, Transport, Unsendable};

/// The label under which emails are encrypted.
const LABEL: &str = "letter";
/// How many emails are sent before the outbox is read again.
const BATCH: i64 = 50;
/// How long the background job waits, without a notification, before it reads the outbox again: another node or a
/// command may have written to it.
const PAUSE: Duration = Duration::from_secs(5);

/// A link with its text.
#[derive(Clone)]
pub struct Link {
    pub label: String,
    pub href: String,
    /// How long the link is valid, as text.
    pub note: String,
}

impl std::fmt::Debug for Link {
    /// Omits the URL, which contains a secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Link").field("label", &self.label).finish_non_exhaustive()
    }
}

/// A complete email, as the transport sends it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// The address of the recipient; absent for an email that is written only to take the same time, see
    /// [`Mail::write_dummy`].
    pub to: Option<String>,
    pub subject: String,
    /// The plain-text body.
    pub text: String,
    /// The HTML body.
    pub html: String,
}

impl std::fmt::Debug for Envelope {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Envelope(…)")
    }
}

#[derive(Template)]
#[template(path = "mail/email.txt")]
struct Text<'a> {
    body: &'a EmailBody,
    requester: &'a EmailRequester,
    report_link: Option<&'a Link>,
    issuer: &'a str,
}

#[derive(Template)]
#[template(path = "mail/email.html")]
struct Html<'a> {
    body: &'a EmailBody,
    requester: &'a EmailRequester,
    report_link: Option<&'a Link>,
    issuer: &'a str,
}

/// Writes emails to the outbox, and sends them.
pub struct Mail {
    issuer: String,
    keys: BaseKeys,
    transport: Option<Transport>,
    wake: Notify,
}

impl Mail {
    /// Starts email with the settings `mail.url` and `mail.from`. `log:` works on loopback only: elsewhere, readers of
    /// the log could use other people's links, so email is off there.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn start(keys: BaseKeys, public_url: &Url, (url, from): (&MailUrl, Option<&str>)) -> Result<Self, Unsendable> {
        let is_off = matches!(url, MailUrl::Log) && !is_loopback_host(public_url);
        let transport = if is_off { None } else { Some(Transport::start(url, from, public_url)?) };
        let issuer = public_url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { issuer, keys, transport, wake: Notify::new() })
    }

    /// Whether emails can be sent.
    pub fn is_on(&self) -> bool {
        self.transport.is_some()
    }

    /// Returns the beginning of every link. It is never taken from a request header.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Writes an email to the outbox; it is sent after the transaction is committed. Does nothing when email is off.
    ///
    /// # Errors
    /// When the store fails.
    pub fn write(
        &self,
        tx: &mut Database,
        (to, requester): (&EmailAddress, &EmailRequester),
        message: &impl Email,
    ) -> Result<(), StoreError> {
        self.put(tx, (Some(to), requester), (message, None))
    }

    /// Writes an email about the safety of an account to its verified address; does nothing when there is none. These
    /// emails cannot be turned off, and each contains the link "This was not me", which this function adds.
    ///
    /// # Errors
    /// When the store fails.
    pub fn warn(
        &self,
        tx: &mut Database,
        (user, requester): (&User, &EmailRequester),
        message: &impl Email,
    ) -> Result<(), StoreError> {
        match user.proven_email() {
            Some(to) => self.warn_at(tx, (user, &to, requester), message),
            None => Ok(()),
        }
    }

    /// Writes the same email to an address that is about to be replaced, or was just replaced.
    ///
    /// # Errors
    /// When the store fails.
    pub fn warn_at(
        &self,
        tx: &mut Database,
        (user, to, requester): (&User, &EmailAddress, &EmailRequester),
        message: &impl Email,
    ) -> Result<(), StoreError> {
        if !self.is_on() {
            return Ok(());
        }
        let (key, link) =
            MailedLink::new(requester.at, COMPROMISE_REPORT_LIFE, (LinkKind::CompromiseReport, Some(user.id)), to);
        mailed_links::insert(tx, &link)?;
        self.put(tx, (Some(to), requester), (message, Some(&email::compromise_report_link(&self.issuer, &key))))
    }

    /// Does the same work as [`Mail::write`], without a recipient, so that the answer takes the same time for an
    /// address without an account.
    ///
    /// # Errors
    /// When the store fails.
    pub fn write_dummy(
        &self,
        tx: &mut Database,
        requester: &EmailRequester,
        message: &impl Email,
    ) -> Result<(), StoreError> {
        self.put(tx, (None, requester), (message, None))
    }

    fn put(
        &self,
        tx: &mut Database,
        (to, requester): (Option<&EmailAddress>, &EmailRequester),
        (message, report_link): (&impl Email, Option<&Link>),
    ) -> Result<(), StoreError> {
        if !self.is_on() {
            return Ok(());
        }
        let broken = |what: &str| StoreError::Unusable(what.to_owned());
        let (body, issuer) = (message.body(&self.issuer), self.issuer.as_str());
        let text = Text { body: &body, requester, report_link, issuer }.render();
        let text = text.map_err(|_error| broken("a letter is not written"))?;
        let html = Html { body: &body, requester, report_link, issuer }.render();
        let html = html.map_err(|_error| broken("a letter is not written"))?;
        let to = to.map(|to| to.as_str().to_owned());
        let envelope = Envelope { to, subject: body.subject.clone(), text, html };
        let plain = serde_json::to_string(&envelope).map_err(|_error| broken("a letter is not written"))?;
        let id = Id::<QueuedEmail>::next(requester.at);
        let sealed = self.keys.seal(LABEL, id.number(), &plain);
        store::outbox::insert(tx, &QueuedEmail::new(requester.at, id, sealed))
    }

    /// Returns the keys that one-time codes in emails are digested with.
    pub fn keys(&self) -> &BaseKeys {
        &self.keys
    }

    /// Notifies the background job that there is an email to send.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until there may be an email to send.
    pub async fn wait(&self) {
        // A timeout and a notification are treated alike: the outbox is read.
        drop(tokio::time::timeout(PAUSE, self.wake.notified()).await);
    }

    /// Sends the emails that are due; returns how many were sent. An email that cannot be sent stays in the outbox, and
    /// is tried again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deliver(&self, store: &Store, now: UnixTime) -> Result<usize, StoreError> {
        let Some(transport) = &self.transport else { return Ok(0) };
        let mut sent = 0;
        for message in store.read(move |db| store::outbox::list_due(db, now, BATCH)).await? {
            let (claimed, until) = (message.clone(), message.after(now));
            if !store.write(move |tx| store::outbox::claim(tx, &claimed, until)).await? {
                continue; // another node sends it
            }
            let is_over = match self.open(&message) {
                _ if now >= message.expires_at => {
                    tracing::warn!(
                        attempts = message.attempts,
                        "a letter could not be sent for three days; it is given up"
                    );
                    true
                }
                None => {
                    tracing::warn!("a letter cannot be opened with this base key; it is given up");
                    true
                }
                Some(Envelope { to: None, .. }) => true,
                Some(envelope) => match transport.send(&message, &envelope).await {
                    Ok(()) => {
                        sent += 1;
                        true
                    }
                    Err(error) if error.is_final() => {
                        tracing::warn!(%error, "a letter was refused for good; it is given up");
                        true
                    }
                    Err(error) => {
                        tracing::warn!(%error, attempts = message.attempts + 1, "a letter could not be sent; it is tried again");
                        false
                    }
                },
            };
            if is_over {
                let id = message.id;
                store.write(move |tx| store::outbox::delete(tx, id)).await?;
            }
        }
        Ok(sent)
    }

    fn open(&self, message: &QueuedEmail) -> Option<Envelope> {
        let plain = self.keys.open(LABEL, message.id.number(), &message.message_encrypted)?;
        serde_json::from_str(plain.expose()).ok()
    }
}
