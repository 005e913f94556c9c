//! An authenticator app, and setting one up by the page.

use aws_lc_rs::hmac;
use gatepost::clock::Clock;

use super::browser::Browser;
use super::gatepost::Gatepost;

/// What a person has after setting up an app.
pub struct Factors {
    /// The app's secret.
    pub secret: String,
    /// The ten recovery codes.
    pub recovery_codes: Vec<String>,
}

impl Browser {
    /// Sets an authenticator app up for whoever is logged in.
    pub async fn set_up_app(&self, server: &Gatepost) -> Factors {
        self.open(&server.at("/account/security/totp")).await;
        let secret = self.secret_on_page().await;
        self.fill("#code", &code(&secret)).await;
        self.submit().await;
        Factors { secret, recovery_codes: self.recovery_codes_on_page().await }
    }

    /// The secret that the open page offers to an app.
    pub async fn secret_on_page(&self) -> String {
        self.click("details summary").await;
        self.text("#totp-secret").await
    }

    /// The recovery codes that are shown once.
    pub async fn recovery_codes_on_page(&self) -> Vec<String> {
        self.arrive_at_heading("Your recovery codes").await;
        let codes =
            self.evaluate("[...document.querySelectorAll('[data-secret]')].map((code) => code.textContent)").await;
        serde_json::from_value(codes).expect("because it is a list of words")
    }
}

/// What an authenticator app shows now for a secret in base32 (RFC 6238, SHA-1, six digits).
pub fn code(secret: &str) -> String {
    code_in(secret, 0)
}

/// What it shows half a minute later: a code works once, and a clock may be that fast.
pub fn next_code(secret: &str) -> String {
    code_in(secret, 1)
}

fn code_in(secret: &str, steps: i64) -> String {
    let digits = secret.chars().filter_map(|message| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(message));
    let bits: Vec<u8> = digits.flat_map(|digit| (0..5).rev().map(move |bit| (digit >> bit) as u8 & 1)).collect();
    let key: Vec<u8> = bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| (sum << 1) | bit)).collect();
    let step = Clock::System.now().seconds() / 30 + steps;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key), &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 15);
    let number = tag[at..at + 4].iter().fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}
