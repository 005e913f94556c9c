//! How letters leave: by SMTP, to a folder, or to the log (the setting `mail.url`).

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncTransport, Message, Tokio1Executor};
use url::Url;

use super::Envelope;
use crate::domain::queued_email::QueuedEmail;
use crate::domain::redirect_uri::is_loopback_host;
use crate::domain::secret::Secret;

/// How long the mail server may take for one answer. Shorter than the first pause between two tries.
const PATIENCE: Duration = Duration::from_secs(20);

/// The setting `mail.url`, parsed at the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailUrl {
    /// `log:`
    Log,
    /// `file:///folder`
    Folder(PathBuf),
    /// `smtp://…`, `smtps://…`
    Server(MailServer),
}

/// A mail server that takes letters.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who we are to it.
    pub credentials: Option<(String, Secret)>,
    /// How the connection is encrypted.
    pub encryption: Encryption,
}

impl PartialEq for MailServer {
    fn eq(&self, other: &Self) -> bool {
        (&self.host, self.port, self.encryption) == (&other.host, other.port, other.encryption)
    }
}

impl Eq for MailServer {}

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// From the first byte (RFC 8314 §3.3).
    Whole,
    /// By `STARTTLS`, and not at all without it.
    Upgraded,
    /// Not at all: on this machine only.
    None,
}

/// The text is no `mail.url`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be log:, file:///folder, smtp://user:password@host:port or smtps://…")]
pub struct InvalidMailUrl;

/// Why letters cannot be sent with these settings.
#[derive(Debug, thiserror::Error)]
pub enum Unsendable {
    /// `mail.from`.
    #[error("mail.from must be an address, such as Gatepost <no-reply@example.com>")]
    From,
    /// `mail.url`.
    #[error("mail.url: {0}")]
    Server(String),
}

/// Why one letter could not be sent. It names no reader.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The library cannot put it together: an address that it does not know how to write.
    #[error("it cannot be put together")]
    Email,
    /// The mail server, by its code only: its words may hold the address.
    #[error("the mail server refused it{}", .0.map(|code| format!(" ({code})")).unwrap_or_default())]
    Refused(Option<u16>),
    /// The mail server does not answer, or its certificate is wrong.
    #[error("the mail server cannot be reached")]
    Unreachable,
    /// The folder.
    #[error("the folder cannot be written: {0}")]
    Folder(std::io::Error),
}

impl SendError {
    /// Whether another try would end the same way (RFC 5321 §4.2.1: 5yz is permanent).
    pub fn is_final(&self) -> bool {
        match self {
            Self::Email => true,
            Self::Refused(code) => code.is_some_and(|code| (500..600).contains(&code)),
            Self::Unreachable | Self::Folder(_) => false,
        }
    }
}

impl FromStr for MailUrl {
    type Err = InvalidMailUrl;

    fn from_str(text: &str) -> Result<Self, InvalidMailUrl> {
        let text = text.trim();
        if text == "log:" {
            return Ok(Self::Log);
        }
        let url = Url::parse(text).map_err(|_unreadable| InvalidMailUrl)?;
        let decoded = |part: &str| {
            let decoded = percent_encoding::percent_decode_str(part).decode_utf8();
            decoded.map(std::borrow::Cow::into_owned).map_err(|_no_text| InvalidMailUrl)
        };
        if url.scheme() == "file" {
            return url.to_file_path().map(Self::Folder).map_err(|()| InvalidMailUrl);
        }
        // A host of an unknown scheme is not lower-cased or parsed as an address: read it as http does.
        let is_loopback = Url::parse(&format!("http://{}", url.host_str().unwrap_or_default()));
        let is_loopback = is_loopback.is_ok_and(|url| is_loopback_host(&url));
        let (encryption, usual_port) = match url.scheme() {
            "smtps" => (Encryption::Whole, 465),
            "smtp" if is_loopback => (Encryption::None, 25),
            "smtp" => (Encryption::Upgraded, 587),
            _ => return Err(InvalidMailUrl),
        };
        if url.query().is_some() || url.fragment().is_some() || !matches!(url.path(), "" | "/") {
            return Err(InvalidMailUrl);
        }
        let credentials = match url.password() {
            Some(password) => Some((decoded(url.username())?, Secret::new(decoded(password)?))),
            None if url.username().is_empty() => None,
            None => return Err(InvalidMailUrl),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(InvalidMailUrl)?.to_owned();
        Ok(Self::Server(MailServer { host, port: url.port().unwrap_or(usual_port), credentials, encryption }))
    }
}

impl std::fmt::Display for MailUrl {
    /// As the operator wrote it, the password left out.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Log => formatter.write_str("log:"),
            Self::Folder(folder) => write!(formatter, "file://{}", folder.display()),
            Self::Server(MailServer { host, port, credentials, encryption }) => {
                let scheme = if *encryption == Encryption::Whole { "smtps" } else { "smtp" };
                let user = credentials.as_ref().map(|(user, _)| format!("{user}:…@")).unwrap_or_default();
                write!(formatter, "{scheme}://{user}{host}:{port}")
            }
        }
    }
}

enum Way {
    Log,
    Folder(PathBuf),
    Server(Box<AsyncSmtpTransport<Tokio1Executor>>),
}

/// What sends.
pub struct Transport {
    way: Way,
    from: Mailbox,
    host: String,
}

impl Transport {
    /// Gets ready; connects to nobody yet.
    ///
    /// # Errors
    /// What cannot be used.
    pub fn start(url: &MailUrl, from: Option<&str>, public_url: &Url) -> Result<Self, Unsendable> {
        let host = public_url.domain().unwrap_or("localhost").to_owned();
        let from = from.map_or_else(|| format!("Gatepost <no-reply@{host}>"), str::to_owned);
        let from = from.parse().map_err(|_unreadable| Unsendable::From)?;
        let way = match url {
            MailUrl::Log => Way::Log,
            MailUrl::Folder(folder) => Way::Folder(folder.clone()),
            MailUrl::Server(server) => Way::Server(Box::new(connect(server, &host)?)),
        };
        Ok(Self { way, from, host })
    }

    /// Sends one letter.
    ///
    /// # Errors
    /// Why it did not go.
    pub async fn send(&self, queued: &QueuedEmail, envelope: &Envelope) -> Result<(), SendError> {
        let message = self.message(queued, envelope)?;
        match &self.way {
            Way::Log => {
                let to = envelope.to.as_deref().unwrap_or_default();
                tracing::info!("a letter to {to}: {}\n{}", envelope.subject, envelope.text);
                Ok(())
            }
            Way::Folder(folder) => {
                // A letter that was written before its row was deleted is written over.
                let file = folder.join(format!("{}.eml", queued.id.number()));
                let mut options = std::fs::OpenOptions::new();
                options.write(true).create(true).truncate(true).mode(0o600);
                let written = options.open(file).and_then(|mut file| file.write_all(&message.formatted()));
                written.map_err(SendError::Folder)
            }
            Way::Server(server) => match server.send(message).await {
                Ok(_) => Ok(()),
                Err(error) => Err(match error.status() {
                    Some(code) => SendError::Refused(code.to_string().parse().ok()),
                    None if error.is_client() => SendError::Email,
                    None => SendError::Unreachable,
                }),
            },
        }
    }

    /// The letter by the rules (RFC 5322). The same one has the same `Message-ID` at every try, so that
    /// one that was sent twice is shown once; RFC 3834 §5 keeps machines from answering.
    fn message(&self, queued: &QueuedEmail, envelope: &Envelope) -> Result<Message, SendError> {
        let to = envelope.to.as_deref().unwrap_or_default().parse().map_err(|_unwritable| SendError::Email)?;
        let since = u64::try_from(queued.created_at.seconds()).unwrap_or_default();
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(envelope.subject.clone())
            .date(UNIX_EPOCH + Duration::from_secs(since))
            .message_id(Some(format!("<{}@{}>", queued.id.number(), self.host)))
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(envelope.text.clone(), envelope.html.clone()))
            .map_err(|_unwritable| SendError::Email)
    }
}

fn connect(server: &MailServer, own_name: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>, Unsendable> {
    let parameters = || TlsParameters::new(server.host.clone()).map_err(|error| Unsendable::Server(error.to_string()));
    let tls = match server.encryption {
        Encryption::Whole => Tls::Wrapper(parameters()?),
        Encryption::Upgraded => Tls::Required(parameters()?),
        Encryption::None => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.clone())
        .port(server.port)
        .tls(tls)
        .hello_name(ClientId::Domain(own_name.to_owned()))
        .timeout(Some(PATIENCE));
    if let Some((user, password)) = &server.credentials {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
    }
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> MailServer {
        match text.parse() {
            Ok(MailUrl::Server(server)) => server,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn nothing_goes_unencrypted_but_to_this_machine() {
        for (text, encryption, port) in [
            ("smtps://mail.example", Encryption::Whole, 465),
            ("smtp://mail.example", Encryption::Upgraded, 587),
            ("smtp://localhost.evil.example:25", Encryption::Upgraded, 25),
            ("smtp://localhost", Encryption::None, 25),
            ("smtp://127.0.0.1:2525", Encryption::None, 2525),
            ("smtps://127.0.0.1", Encryption::Whole, 465),
        ] {
            let server = server(text);
            assert_eq!((server.encryption, server.port), (encryption, port), "{text}");
        }
    }

    #[test]
    fn the_password_is_decoded_and_not_shown() {
        let url: MailUrl =
            "smtp://ann%40x.example:p%40ss%2Fword@mail.example:2587".parse().expect("because it is right");
        let MailUrl::Server(server) = &url else { panic!("{url:?}") };
        let (user, password) = server.credentials.as_ref().expect("because it has them");
        assert_eq!((user.as_str(), password.expose()), ("ann@x.example", "p@ss/word"));
        assert_eq!(url.to_string(), "smtp://ann@x.example:…@mail.example:2587");
        assert!(!format!("{url:?}").contains("p@ss"));
    }

    #[test]
    fn what_is_no_address_of_mail_is_refused() {
        for text in
            ["", "log", "smtp://", "http://mail.example", "smtp://ann@mail.example", "smtp://mail.example/x", "smtp:x"]
        {
            assert_eq!(text.parse::<MailUrl>(), Err(InvalidMailUrl), "{text}");
        }
        assert_eq!("file:///var/mail/out".parse(), Ok(MailUrl::Folder(PathBuf::from("/var/mail/out"))));
    }
}
