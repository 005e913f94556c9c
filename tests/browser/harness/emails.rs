//! The letters that a server sent, as their readers get them.

use std::fs;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;

use super::email::ReceivedEmail;
use super::gatepost::Gatepost;

/// How long a letter may take before the test fails; the outbox is read every five seconds at the latest.
const PATIENCE: Duration = Duration::from_secs(60);

impl Gatepost {
    /// Waits for a letter to this reader about this, and takes it out.
    pub async fn email(&self, to: &str, subject: &str) -> ReceivedEmail {
        let began = Instant::now();
        loop {
            let found = self.emails();
            let wanted = found.iter().find(|(_, letter)| letter.to == to && letter.subject == subject);
            if let Some((path, letter)) = wanted {
                fs::remove_file(path).expect("because the folder is ours");
                return letter.clone();
            }
            let seen: Vec<_> = found.iter().map(|(_, letter)| (&letter.to, &letter.subject)).collect();
            assert!(began.elapsed() < PATIENCE, "no letter to {to}: {subject}; there are {seen:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The letters that nobody took yet, oldest first; one that is just being written is left for the next look.
    fn emails(&self) -> Vec<(std::path::PathBuf, ReceivedEmail)> {
        let folder = fs::read_dir(self.running.home().emails()).expect("because the folder is ours");
        let mut paths: Vec<_> = folder.map(|entry| entry.expect("because the folder is ours").path()).collect();
        paths.sort();
        let texts = paths.into_iter().map(|path| (fs::read_to_string(&path).unwrap_or_default(), path));
        let whole = texts.filter(|(text, _)| text.trim_end().ends_with("--"));
        whole.map(|(text, path)| (path, ReceivedEmail::parse(&text))).collect()
    }
}

/// The six digits that a letter tells, as it writes them: three and three.
pub fn digits(letter: &ReceivedEmail) -> String {
    let is_code = |part: &&[u8]| part.iter().enumerate().all(|(at, byte)| (at == 3) != byte.is_ascii_digit());
    let found = letter.whole.as_bytes().windows(7).find(|part| is_code(part) && part[3] == b' ');
    let found = found.unwrap_or_else(|| panic!("no digits in {}", letter.whole));
    String::from_utf8_lossy(found).into_owned()
}
