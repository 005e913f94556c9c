//! A device without a browser, and the person who decides about it (RFC 8628).

use gatepost::domain::client::GrantType;
use gatepost::domain::registration::Draft;

use super::application::Application;
use super::browser::Browser;
use super::html::Page;
use super::http::{Answer, encode};
use super::{confidential, public};

/// The grant's name in a token request.
pub const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What a device was given.
pub struct Device {
    pub device_code: String,
    pub user_code: String,
}

fn on_devices(draft: Draft) -> Draft {
    let grant_types = vec![GrantType::DeviceCode, GrantType::RefreshToken];
    Draft { name: "Wall map".to_owned(), grant_types, redirect_uris: Vec::new(), ..draft }
}

/// A draft of an application without a secret that runs on devices.
pub fn on_a_device() -> Draft {
    on_devices(public())
}

/// The same with a secret.
pub fn on_a_box_of_ours() -> Draft {
    on_devices(confidential())
}

impl Application {
    /// Asks for codes.
    pub async fn ask_for_codes(&self, more: &[(&str, &str)]) -> Answer {
        self.post("/oauth/device", more).await
    }

    /// Starts a device.
    pub async fn device(&self) -> Device {
        let answer = self.ask_for_codes(&[]).await;
        Device { device_code: answer.member("device_code"), user_code: answer.member("user_code") }
    }

    /// Asks whether the person has decided.
    pub async fn poll(&self, device_code: &str) -> Answer {
        self.post("/oauth/token", &[("grant_type", DEVICE_GRANT), ("device_code", device_code)]).await
    }
}

impl Browser {
    /// Types a code at `/device`.
    pub async fn type_code(&mut self, user_code: &str) -> Page {
        let page = self.open("/device").await;
        assert_eq!(page.heading(), "Log a device in", "{}", page.text());
        self.submit(page.form_with("Continue").fill("user_code", user_code)).await
    }

    /// Types a code and decides.
    pub async fn decide_device(&mut self, user_code: &str, decision: &str) -> Page {
        let page = self.type_code(user_code).await;
        assert_eq!(page.heading(), "Log this device in?", "{}", page.text());
        self.submit(page.decision(decision)).await
    }
}

/// The body of a form that types a code.
pub fn typed(user_code: &str) -> String {
    encode(&[("user_code", user_code)])
}
