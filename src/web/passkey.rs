//! Passkey ceremonies in pages: a form contains the options as the standard JSON (WebAuthn §5.4, §5.5), and
//! its fields return the response. A page loads nothing else for it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::app::App;
use crate::domain::deception::OWN_NAME;
use crate::domain::passkey::{self, Passkey, user_handle};
use crate::domain::user::User;
use crate::domain::webauthn::cose_key::ALGORITHMS;
use crate::domain::webauthn::{Assertion, Attestation, RelyingParty, WebAuthnError};
use crate::identity::passkeys::Offered;
use crate::identity::passkeys::challenge::{self, Purpose};
use crate::oauth::parameters::Parameters;

/// The message for a person, the same for every error of a passkey.
pub const DID_NOT_WORK: &str = "This passkey did not work. Try again, or go on without it.";

/// A form that asks for a passkey.
#[derive(Clone, Debug)]
pub struct PasskeyForm {
    /// The address that the form is submitted to.
    pub action: String,
    /// The label of the button.
    pub label: &'static str,
    /// The key of the sign-in step that the form finishes.
    pub step: Option<String>,
    /// The WebAuthn request options, as JSON.
    pub options: String,
    /// Whether the page offers no other method.
    pub is_alone: bool,
    /// Whether the browser offers passkeys when it autofills the user name.
    pub fills_in: bool,
    /// The id of a passkey that the server does not know, so that the browser stops offering it.
    pub gone: Option<String>,
}

#[derive(Serialize)]
struct Descriptor<'a> {
    id: &'a str,
    r#type: &'static str,
    transports: Vec<String>,
}

/// The WebAuthn `PublicKeyCredentialRequestOptionsJSON` of an authentication.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestOptions<'a> {
    challenge: String,
    timeout: i64,
    rp_id: &'a str,
    allow_credentials: Vec<Descriptor<'a>>,
    user_verification: &'static str,
}

/// The WebAuthn `PublicKeyCredentialCreationOptionsJSON` of a registration.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreationOptions<'a> {
    rp: Party<'a>,
    user: Account<'a>,
    challenge: String,
    pub_key_cred_params: Vec<Parameter>,
    timeout: i64,
    exclude_credentials: Vec<Descriptor<'a>>,
    authenticator_selection: Selection,
    attestation: &'static str,
}

#[derive(Serialize)]
struct Party<'a> {
    id: &'a str,
    name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Account<'a> {
    id: String,
    name: &'a str,
    display_name: &'a str,
}

#[derive(Serialize)]
struct Parameter {
    r#type: &'static str,
    alg: i64,
}

/// The requirements for a new passkey: it must be discoverable without a user name, and verify the user.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Selection {
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: &'static str,
}

/// The WebAuthn `AllAcceptedCredentialsOptions` (§5.1.10.2). A password manager may delete passkeys that are
/// not listed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted<'a> {
    rp_id: &'a str,
    user_id: String,
    all_accepted_credential_ids: Vec<&'a str>,
}

impl<'a> From<&'a Passkey> for Descriptor<'a> {
    fn from(passkey: &'a Passkey) -> Self {
        Self { id: &passkey.credential_id, r#type: "public-key", transports: passkey.transports.to_vec() }
    }
}

fn json(options: &impl Serialize) -> String {
    serde_json::to_string(options).expect("because texts, numbers and lists are JSON")
}

/// Returns the request options for any person. Returns `None` when the host of the server is an IP address,
/// because a relying party ID must be a domain (WebAuthn §5.1.2).
pub fn asked(app: &App, purpose: Purpose) -> Option<String> {
    ask(app, purpose, &[])
}

/// Returns the request options for a known person, or `None` when they have no passkey.
pub fn asked_of(app: &App, purpose: Purpose, theirs: &[Passkey]) -> Option<String> {
    if theirs.is_empty() { None } else { ask(app, purpose, theirs) }
}

fn ask(app: &App, purpose: Purpose, allowed: &[Passkey]) -> Option<String> {
    let party = app.public.relying_party.as_ref()?;
    Some(json(&RequestOptions {
        challenge: challenge::new(&app.token_settings.keys, app.now(), purpose),
        timeout: purpose.life() * 1_000,
        rp_id: &party.id,
        allow_credentials: allowed.iter().map(Descriptor::from).collect(),
        user_verification: "required",
    }))
}

/// Returns the creation options, which exclude the passkeys that the person has.
pub fn wanted(app: &App, party: &RelyingParty, purpose: Purpose, (user, held): (&User, &[Passkey])) -> String {
    json(&CreationOptions {
        rp: Party { id: &party.id, name: OWN_NAME },
        user: Account {
            id: URL_SAFE_NO_PAD.encode(user_handle(user.id)),
            name: &user.username,
            display_name: &user.username,
        },
        challenge: challenge::new(&app.token_settings.keys, app.now(), purpose),
        pub_key_cred_params: ALGORITHMS.iter().map(|alg| Parameter { r#type: "public-key", alg: *alg }).collect(),
        timeout: purpose.life() * 1_000,
        exclude_credentials: held.iter().map(Descriptor::from).collect(),
        authenticator_selection: Selection {
            resident_key: "required",
            require_resident_key: true,
            user_verification: "required",
        },
        attestation: "none",
    })
}

/// Returns the passkeys of a person that the server accepts, for password managers that store others too.
pub fn accepted(party: &RelyingParty, (user, held): (&User, &[Passkey])) -> String {
    json(&Accepted {
        rp_id: &party.id,
        user_id: URL_SAFE_NO_PAD.encode(user_handle(user.id)),
        all_accepted_credential_ids: held.iter().map(|passkey| passkey.credential_id.as_str()).collect(),
    })
}

/// Parses the response to [`asked`] in a form. Returns `None` when the form contains none.
pub fn assertion(form: &Parameters) -> Option<Result<Assertion, WebAuthnError>> {
    let names = ["credential_id", "client_data", "authenticator_data", "signature", "user_handle"];
    // Empty fields count as absent. Any non-empty field makes the form a response.
    names.iter().find_map(|name| form.get(name))?;
    Some(Assertion::new(names.map(|name| form.get(name).unwrap_or_default())))
}

/// Parses the response to [`wanted`] in a form.
///
/// # Errors
/// When the response cannot be parsed.
pub fn offered(form: &Parameters, name: String) -> Result<Offered, WebAuthnError> {
    let part = |name: &str| form.get(name).unwrap_or_default();
    let attestation = Attestation::new(part("client_data"), part("attestation_object"))?;
    Ok(Offered { attestation, transports: passkey::transports(part("transports")), name })
}
