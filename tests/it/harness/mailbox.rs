//! The letters of a server, read from the folder that it sends them to; and a mail server of our own,
//! that can be down.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use tempfile::TempDir;

pub use super::email::ReceivedEmail;
use super::{Server, spawn_with};

impl ReceivedEmail {
    /// The link in its text, as a path of ours.
    pub fn link(&self) -> String {
        self.link_with("?key=")
    }

    /// The secret of the link.
    pub fn key(&self) -> String {
        let link = self.link();
        let key = link.split("key=").nth(1).and_then(|rest| rest.split('&').next());
        key.expect("because the link has one").to_owned()
    }

    /// The person whom an invitation names.
    pub fn user_id(&self) -> String {
        let link = self.link();
        link.split("userId=").nth(1).expect("because an invitation names one").to_owned()
    }
}

/// The folder of a server that sends its letters there.
pub struct Mailbox {
    folder: TempDir,
}

impl Mailbox {
    /// An empty folder.
    pub fn make() -> Self {
        Self { folder: tempfile::tempdir().expect("because the system has a temporary folder") }
    }

    /// As the setting `mail.url` spells it.
    pub fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Sends what waits and takes all letters out, oldest first.
    pub async fn take(&self, server: &Server) -> Vec<ReceivedEmail> {
        server.deliver().await;
        let entries = std::fs::read_dir(self.path()).expect("because the folder is ours");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("because the folder is ours").path()).collect();
        files.sort();
        let read = |file: &std::path::PathBuf| {
            let mode = std::fs::metadata(file).expect("because it was just listed").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "a letter is its reader's alone");
            let whole = std::fs::read_to_string(file).expect("because our letters are text");
            std::fs::remove_file(file).expect("because the folder is ours");
            ReceivedEmail::parse(&whole)
        };
        files.iter().map(read).collect()
    }

    /// Takes all letters out; the one with this subject.
    pub async fn take_about(&self, server: &Server, subject: &str) -> ReceivedEmail {
        let (mut about, others): (Vec<ReceivedEmail>, Vec<ReceivedEmail>) =
            self.take(server).await.into_iter().partition(|message| message.subject == subject);
        assert_eq!(about.len(), 1, "{subject}: {about:?}; others: {others:?}");
        about.remove(0)
    }

    /// Takes the one letter out that waits.
    pub async fn take_one(&self, server: &Server) -> ReceivedEmail {
        let mut messages = self.take(server).await;
        assert_eq!(messages.len(), 1, "{messages:?}");
        messages.remove(0)
    }
}

/// A server that sends its letters to a folder, with one person in it.
pub async fn spawn_with_mail(settings: &[(&str, &str)]) -> (Server, Mailbox) {
    let mailbox = Mailbox::make();
    let url = mailbox.url();
    let own = [("mail.url", url.as_str())];
    let settings: Vec<(&str, &str)> = own.iter().chain(settings).copied().collect();
    let server = spawn_with(&settings).await;
    server.person("root").await;
    (server, mailbox)
}

impl Server {
    /// Sends what waits, as the running server does all the time; says how many letters went.
    pub async fn deliver(&self) -> usize {
        let sent = self.app.mail.deliver(&self.app.store, self.now()).await;
        sent.expect("because the database of a test works")
    }
}

/// A mail server that takes what it is given (RFC 5321), until it is dropped.
pub struct PostOffice {
    /// What it took.
    pub messages: Receiver<ReceivedEmail>,
}

impl PostOffice {
    /// Opens at this address.
    pub fn open(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("because nobody else is there");
        let (taken, messages) = mpsc::channel();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if let Some(whole) = talk(&connection)
                    && taken.send(ReceivedEmail::parse(&whole)).is_err()
                {
                    return;
                }
            }
        });
        Self { messages }
    }
}

/// An address where nobody listens.
pub fn nobody_listens() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("because loopback has a free port");
    listener.local_addr().expect("because it is bound")
}

fn talk(mut connection: &TcpStream) -> Option<String> {
    let mut lines = BufReader::new(connection.try_clone().ok()?).lines();
    let (mut message, mut is_email) = (None::<String>, false);
    connection.write_all(b"220 post.example\r\n").ok()?;
    while let Some(Ok(line)) = lines.next() {
        let answer = match (is_email, line.as_str()) {
            (true, ".") => {
                is_email = false;
                "250 taken"
            }
            (true, line) => {
                message.get_or_insert_default().push_str(&format!("{line}\n"));
                continue;
            }
            (false, "DATA") => {
                is_email = true;
                "354 go on"
            }
            (false, "QUIT") => {
                connection.write_all(b"221 bye\r\n").ok()?;
                break;
            }
            _ => "250 fine",
        };
        connection.write_all(format!("{answer}\r\n").as_bytes()).ok()?;
    }
    message
}
