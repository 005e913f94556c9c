//! Letters. One is written in the transaction that causes it, sealed, and sent from a background job: a mail
//! server that is down loses nothing, and no request waits for one.

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

/// The label under which letters are sealed.
const LABEL: &str = "letter";
/// Letters that are sent one after another before the outbox is read again.
const BATCH: i64 = 50;
/// How long nobody looks into the outbox when nobody said that there is something: another node, or a
/// command, may have written.
const PAUSE: Duration = Duration::from_secs(5);

/// A link with its words.
#[derive(Clone)]
pub struct Link {
    /// The words.
    pub label: String,
    /// The address.
    pub href: String,
    /// How long it works.
    pub note: String,
}

impl std::fmt::Debug for Link {
    /// The address holds a secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Link").field("label", &self.label).finish_non_exhaustive()
    }
}

/// A letter as it is sent.
#[derive(Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// Who gets it; nobody when it was written for its time alone, see [`Mail::write_dummy`].
    pub to: Option<String>,
    /// The subject.
    pub subject: String,
    /// For programs that show text.
    pub text: String,
    /// For programs that show pages.
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

/// Writes letters and sends them.
pub struct Mail {
    issuer: String,
    keys: BaseKeys,
    transport: Option<Transport>,
    wake: Notify,
}

impl Mail {
    /// Mail by the settings `mail.url` and `mail.from`. The log is for loopback only: elsewhere whoever
    /// reads the log would open other people's links, so mail is off there.
    ///
    /// # Errors
    /// What cannot be used.
    pub fn start(keys: BaseKeys, public_url: &Url, (url, from): (&MailUrl, Option<&str>)) -> Result<Self, Unsendable> {
        let is_off = matches!(url, MailUrl::Log) && !is_loopback_host(public_url);
        let transport = if is_off { None } else { Some(Transport::start(url, from, public_url)?) };
        let issuer = public_url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { issuer, keys, transport, wake: Notify::new() })
    }

    /// Whether letters can be sent at all.
    pub fn is_on(&self) -> bool {
        self.transport.is_some()
    }

    /// What every link begins with. Never taken from a header.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Writes a letter; it is sent once the transaction is committed. When mail is off, nothing is.
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

    /// Writes a letter about the safety of an account to its proven address; nothing when there is none.
    /// Nobody can turn these off, and none is without the link "this was not me": it is put in here.
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

    /// The same to an address that is about to be, or just was, another one.
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

    /// Does all that writing a letter does, for nobody: so that an address that nobody has is answered
    /// after the same time.
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
        let sealed = self.keys.seal(LABEL, id.number(), &plain).ok_or_else(|| broken("the base key is missing"))?;
        store::outbox::insert(tx, &QueuedEmail::new(requester.at, id, sealed))
    }

    /// What one-time codes in letters are digested with.
    pub fn keys(&self) -> &BaseKeys {
        &self.keys
    }

    /// Says that there is something to send.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until there may be something to send.
    pub async fn wait(&self) {
        // Both ends are the same: the outbox is read.
        drop(tokio::time::timeout(PAUSE, self.wake.notified()).await);
    }

    /// Sends what is due; says how many letters went. What cannot be sent stays, and is tried again.
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
        let plain = self.keys.open(LABEL, message.id.number(), &message.sealed)?;
        serde_json::from_str(plain.expose()).ok()
    }
}
