//! An authenticator app of our own (RFC 6238), apart from the server's code, and people who have one.

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use gatepost::clock::UnixTime;

use super::browser::Browser;
use super::html::Page;
use super::{PASSWORD, Server};

/// An app that was given a secret.
#[derive(Clone)]
pub struct Authenticator(Vec<u8>);

impl Authenticator {
    /// Reads the secret of a page as a person types it: base32 in groups.
    pub fn reading(page: &Page) -> Self {
        let (mut bits, mut count, mut seed) = (0_u32, 0, Vec::new());
        for message in page.secret().bytes().filter(|message| *message != b' ') {
            let value = match message {
                b'A'..=b'Z' => message - b'A',
                b'2'..=b'7' => message - b'2' + 26,
                other => panic!("{} is no letter of base32", char::from(other)),
            };
            bits = (bits << 5) | u32::from(value);
            count += 5;
            if count >= 8 {
                count -= 8;
                seed.push(u8::try_from((bits >> count) & 255).expect("because it was masked"));
            }
        }
        assert_eq!(seed.len(), 20, "a seed is as long as the hash");
        Self(seed)
    }

    /// What it shows `seconds` after `now` by its own clock.
    pub fn code(&self, now: UnixTime, seconds: i64) -> String {
        let counter = now.plus(seconds).seconds() / 30;
        let tag = sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0), &counter.to_be_bytes());
        let offset = usize::from(tag.as_ref()[19] & 15);
        let four: [u8; 4] = tag.as_ref()[offset..offset + 4].try_into().expect("because they are four");
        format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
    }

    /// Six digits that it shows nowhere near `now`.
    pub fn wrong(&self, now: UnixTime) -> String {
        let near: Vec<String> = (-2..=2).map(|step| self.code(now, step * 30)).collect();
        let wrong = (0..10).map(|digit| digit.to_string().repeat(6)).find(|code| !near.contains(code));
        wrong.expect("because five codes are not ten")
    }
}

/// Somebody who set an app up: their browser, the app, the recovery codes.
pub struct Equipped {
    pub browser: Browser,
    pub app: Authenticator,
    pub codes: Vec<String>,
}

impl Browser {
    /// Sets an authenticator app up on the page.
    pub async fn set_up_app(&mut self, server: &Server) -> (Authenticator, Page) {
        let page = self.open("/account/security/totp").await;
        let app = Authenticator::reading(&page);
        let code = app.code(server.now(), 0);
        let page = self.submit(page.form_with("Set it up").fill("code", &code)).await;
        assert_eq!(page.status, 200, "{}", page.text());
        (app, page)
    }

    /// Types name and password on a log-in page that is open, as far as the second step.
    pub async fn first_step(&mut self, path: &str, username: &str) -> Page {
        let page = self.open(path).await;
        let page = self.log_in_at(&page, username, PASSWORD).await;
        assert_eq!((page.status, page.heading().as_str()), (200, "One more step"), "{}", page.text());
        page
    }

    /// Types a code on the second step.
    pub async fn second_step(&mut self, page: &Page, code: &str) -> Page {
        self.submit(page.form_with("Log in").fill("code", code)).await
    }
}

impl Server {
    /// A person who logged in and set an app up. The next code that works is one of a later step.
    pub async fn equipped(&self, username: &str) -> Equipped {
        let mut browser = self.signed_in(username).await;
        let (app, page) = browser.set_up_app(self).await;
        let codes = page.all("[data-secret]");
        assert_eq!((codes.len(), page.heading().as_str()), (10, "Your recovery codes"));
        self.advance(30);
        Equipped { browser, app, codes }
    }

    /// How many sessions live.
    pub async fn sessions(&self) -> i64 {
        self.count("sessions WHERE ended_at IS NULL").await
    }
}
