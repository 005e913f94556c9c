//! How emails are sent: by SMTP, to a folder, or to the log (the setting `mail.url`).

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

/// How long the mail server may take for one answer. It is shorter than the first pause between two attempts.
const PATIENCE: Duration = Duration::from_secs(20);

/// The setting `mail.url`, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailUrl {
    /// `log:`
    Log,
    /// `file:///folder`
    Folder(PathBuf),
    /// `smtp://…`, `smtps://…`
    Server(MailServer),
}

/// A mail server that accepts emails by SMTP.
#[derive(Clone, Debug)]
pub struct MailServer {
    pub host: String,
    pub port: u16,
    /// The user name and password of this server at the mail server.
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
    /// TLS from the first byte (RFC 8314 §3.3).
    Whole,
    /// TLS by `STARTTLS`; without it, nothing is sent.
    Upgraded,
    /// No encryption: for a mail server on this machine only.
    None,
}

/// The text is not a valid `mail.url`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be log:, file:///folder, smtp://user:password@host:port or smtps://…")]
pub struct InvalidMailUrl;

/// The reason that emails cannot be sent with these settings.
#[derive(Debug, thiserror::Error)]
pub enum Unsendable {
    /// The setting `mail.from` is invalid.
    #[error("mail.from must be an address, such as Gatepost <no-reply@example.com>")]
    From,
    /// The setting `mail.url` cannot be used; the text says why.
    #[error("mail.url: {0}")]
    Server(String),
}

/// The reason that one email could not be sent. It does not contain the recipient.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The email cannot be encoded: the library does not accept an address.
    #[error("it cannot be put together")]
    Email,
    /// The mail server refused it. Only its reply code is kept: the reply text may contain the address.
    #[error("the mail server refused it{}", .0.map(|code| format!(" ({code})")).unwrap_or_default())]
    Refused(Option<u16>),
    /// The mail server does not answer, or its certificate is invalid.
    #[error("the mail server cannot be reached")]
    Unreachable,
    /// The folder cannot be written.
    #[error("the folder cannot be written: {0}")]
    Folder(std::io::Error),
}

impl SendError {
    /// Whether another attempt would fail in the same way (RFC 5321 §4.2.1: 5yz is permanent).
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
        // The URL parser does not lower-case the host of an unknown scheme or read it as an address, so it is read as
        // for http.
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
    /// Formats the setting as the operator wrote it, without the password.
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

/// Sends emails in the way that the settings name.
pub struct Transport {
    way: Way,
    from: Mailbox,
    host: String,
}

impl Transport {
    /// Prepares the transport; opens no connection yet.
    ///
    /// # Errors
    /// When a setting cannot be used.
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

    /// Sends one email.
    ///
    /// # Errors
    /// When the email cannot be encoded, or when the mail server or the folder does not accept it.
    pub async fn send(&self, queued: &QueuedEmail, envelope: &Envelope) -> Result<(), SendError> {
        let message = self.message(queued, envelope)?;
        match &self.way {
            Way::Log => {
                let to = envelope.to.as_deref().unwrap_or_default();
                tracing::info!("a letter to {to}: {}\n{}", envelope.subject, envelope.text);
                Ok(())
            }
            Way::Folder(folder) => {
                // A file of an earlier attempt, whose row was not deleted afterwards, is overwritten.
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

    /// Builds the message (RFC 5322). The `Message-ID` is the same at every attempt, so that a message that was sent
    /// twice is shown once. The headers of RFC 3834 §5 prevent automatic replies.
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
