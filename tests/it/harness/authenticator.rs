//! An authenticator in software: it makes passkeys and answers with them as WebAuthn §6 tells devices to,
//! written apart from the server's own code, and bent by tests where they want it to lie.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Server;
use super::browser::Browser;
use super::html::{Form, Page};
use super::random_word;

/// Present, verified.
pub const PRESENT_AND_VERIFIED: u8 = 0x05;
const ATTESTED: u8 = 0x40;

/// One passkey and the device around it.
pub struct Authenticator {
    key: EcdsaKeyPair,
    /// The name of the passkey.
    pub id: Vec<u8>,
    /// Whose it is, as the server said.
    pub user_handle: Vec<u8>,
    /// How often it signed; each answer counts one.
    pub counter: u32,
    /// What it says of its person.
    pub flags: u8,
    /// The site that the browser shows.
    pub origin: String,
    /// The site that the key is for.
    pub rp_id: String,
    /// Whether the page stood in another site's frame.
    pub is_framed: bool,
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A length of up to 65,535 after the letter of its kind, as CBOR writes it.
fn head(kind: u8, length: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(length).expect("because nothing here is longer").to_be_bytes();
    vec![(kind << 5) | 25, high, low]
}

/// What a page asks a browser, as JSON.
pub fn options(page: &Page, kind: &str) -> Value {
    let found = page.attributes(&format!("[data-{kind}]"), &format!("data-{kind}"));
    assert_eq!(found.len(), 1, "one place asks for a passkey: {}", page.html);
    serde_json::from_str(&found[0]).expect("because the options are JSON")
}

impl Authenticator {
    pub fn new(server: &Server) -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("because keys can be made"),
            id: random_word(32).into_bytes(),
            user_handle: Vec::new(),
            counter: 0,
            flags: PRESENT_AND_VERIFIED,
            origin: server.app.public.origin.clone(),
            rp_id: "localhost".to_owned(),
            is_framed: false,
        }
    }

    /// The name of the passkey as pages write it.
    pub fn name(&self) -> String {
        base64url(&self.id)
    }

    fn client_data(&self, ceremony: &str, challenge: &str) -> String {
        let data = json!({
            "type": ceremony, "challenge": challenge, "origin": self.origin, "crossOrigin": self.is_framed,
        });
        data.to_string()
    }

    fn statement(&mut self, flags: u8) -> Vec<u8> {
        let party = digest(&SHA256, self.rp_id.as_bytes());
        [party.as_ref(), &[self.flags | flags], &self.counter.to_be_bytes()].concat()
    }

    /// Its public key as COSE writes it.
    fn cose(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let (x, y) = (&point[1..33], &point[33..]);
        [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..], x, &[0x22, 0x58, 32], y].concat()
    }

    /// Makes the passkey that a page asks for, and fills in its form.
    pub fn create(&mut self, page: &Page) -> Form {
        let options = options(page, "create");
        let challenge = options["challenge"].as_str().expect("because there is one").to_owned();
        let handle = options["user"]["id"].as_str().expect("because there is one");
        self.user_handle = URL_SAFE_NO_PAD.decode(handle).expect("because it is base64url");
        self.make(page.form_with("Add passkey"), &challenge)
    }

    /// Fills in a form with a passkey made for this challenge.
    pub fn make(&mut self, form: Form, challenge: &str) -> Form {
        let length = u16::try_from(self.id.len()).expect("because a name is short").to_be_bytes();
        let statement = [self.statement(ATTESTED), vec![0; 16], length.to_vec(), self.id.clone(), self.cose()].concat();
        let object =
            [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData".to_vec(), head(2, statement.len()), statement].concat();
        form.fill("client_data", &base64url(self.client_data("webauthn.create", challenge)))
            .fill("attestation_object", &base64url(object))
            .fill("transports", "internal,hybrid")
    }

    /// Answers the page that asks for a passkey, and fills in its form.
    pub fn answer(&mut self, page: &Page) -> Form {
        let challenge = options(page, "get")["challenge"].as_str().expect("because there is one").to_owned();
        self.sign(page.passkey_form(), &challenge)
    }

    /// Fills in a form with an answer to this challenge.
    pub fn sign(&mut self, form: Form, challenge: &str) -> Form {
        self.counter = self.counter.wrapping_add(1);
        let (client_data, statement) = (self.client_data("webauthn.get", challenge), self.statement(0));
        let signed = [statement.as_slice(), digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("because the key signs");
        form.fill("credential_id", &self.name())
            .fill("client_data", &base64url(client_data))
            .fill("authenticator_data", &base64url(statement))
            .fill("signature", &base64url(signature))
            .fill("user_handle", &base64url(&self.user_handle))
    }
}

impl Browser {
    /// Adds a passkey on the person's own page.
    pub async fn add_passkey(&mut self, server: &Server) -> Authenticator {
        let mut authenticator = Authenticator::new(server);
        let page = self.open("/account/security/passkeys/new").await;
        let page = self.submit(authenticator.create(&page)).await;
        assert_eq!((page.status, page.heading().as_str()), (200, "Passkeys"), "{}", page.text());
        authenticator
    }

    /// Logs in with a passkey at an address that asks for one.
    pub async fn present(&mut self, authenticator: &mut Authenticator, at: &str) -> Page {
        let page = self.open(at).await;
        self.submit(authenticator.answer(&page)).await
    }
}
