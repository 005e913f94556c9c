//! A letter as its reader sees it. The browser tests read theirs with this file too.

/// One letter.
#[derive(Clone, Debug)]
pub struct ReceivedEmail {
    /// Who got it.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The whole letter, its text part and its page.
    pub whole: String,
}

impl ReceivedEmail {
    /// Reads a letter as it is sent.
    pub fn parse(whole: &str) -> Self {
        let header = |name: &str| {
            let found = whole.lines().find_map(|line| line.strip_prefix(name));
            found.unwrap_or_default().trim_start_matches(':').trim().to_owned()
        };
        Self { to: header("To"), subject: header("Subject"), whole: decoded(whole) }
    }

    /// The first link in its text that has this part, as a path of ours.
    pub fn link_with(&self, part: &str) -> String {
        let line = self.whole.lines().find(|line| line.contains(part) && line.starts_with("http"));
        let line = line.unwrap_or_else(|| panic!("no link with {part} in {}", self.whole)).trim();
        let (_, rest) = line.split_once("://").expect("because it is an address");
        rest[rest.find('/').expect("because it has a path")..].to_owned()
    }
}

/// The letter with its quoted-printable parts (RFC 2045 §6.7) as they are read.
fn decoded(whole: &str) -> String {
    let (mut text, mut is_quoted) = (String::new(), false);
    for line in whole.lines() {
        if let Some(encoding) = line.strip_prefix("Content-Transfer-Encoding: ") {
            is_quoted = encoding.trim() == "quoted-printable";
        } else if line.starts_with("--") {
            is_quoted = false; // the next part begins
        }
        if !is_quoted {
            text.push_str(line);
            text.push('\n');
            continue;
        }
        let (line, end) = line.strip_suffix('=').map_or((line, "\n"), |line| (line, ""));
        let mut pieces = line.split('=');
        text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let (code, rest) = piece.split_at(2);
            let byte = u8::from_str_radix(code, 16).expect("because it is quoted-printable");
            assert!(byte.is_ascii(), "our letters are ASCII where our tests read them");
            text.push(char::from(byte));
            text.push_str(rest);
        }
        text.push_str(end);
    }
    text
}
