//! The examples that WebAuthn level 3 publishes (§16). In each of them the person was not verified, or the page was in
//! a frame of another site. So each test ends with exactly that error, after all earlier checks succeeded.

use super::*;

fn party() -> RelyingParty {
    RelyingParty { id: "example.org".to_owned(), origin: "https://example.org".to_owned() }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter_map(|digit| char::from(digit).to_digit(16)?.try_into().ok()).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4) | pair[1]).collect()
}

fn text(hex: &str) -> String {
    URL_SAFE_NO_PAD.encode(bytes(hex))
}

/// The SHA-256 of the relying party ID, with which authenticator data begins. Flags and counter follow; no example has
/// extensions.
const STATEMENT: &str = "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b5";

struct Vector {
    key: String,
    challenge: &'static str,
    flags: &'static str,
    client_data: String,
    signature: &'static str,
    error: WebAuthnError,
}

impl Vector {
    fn assertion(&self) -> Assertion {
        let statement = text(&format!("{STATEMENT}{}00000000", self.flags));
        let client_data = URL_SAFE_NO_PAD.encode(&self.client_data);
        let parts = ["AAAAAAAAAAAAAAAAAAAAAA", &client_data, &statement, &text(self.signature), ""];
        Assertion::new(parts).expect("because the specification writes it so")
    }

    fn verify(&self, party: &RelyingParty, challenge: &str) -> Result<Proof, WebAuthnError> {
        self.assertion().verify(party, challenge, &text(&self.key))
    }
}

fn es256(x: &str, y: &str) -> String {
    format!("a5010203262001215820{x}225820{y}")
}

fn client_data(challenge: &str, rest: &str) -> String {
    format!(r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"https://example.org",{rest}}}"#)
}

const X_OF_NONE: &str = "afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61";
const Y_OF_NONE: &str = "930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220";

/// The examples of §16.2 (ES256), §16.4 (ES256, in a frame of another site) and §16.11 (Ed25519).
fn vectors() -> [Vector; 3] {
    let in_a_frame = "\"crossOrigin\":true,\"extraData\":\"clientDataJSON may be extended with additional fields in the \
                      future, such as this: 92pcTVD0Aby-q4dtmj6efg\"";
    let (none, framed, edwards) = (
        "OcDnUhQXulTUPo3JUXT0I97pvzzYBP9tZchXyav01Ag", "h2qlF7qD_e5l_P_bykyE7q5dVPgEGh_IXJkeW7snMTc",
        "iVlX4BxjOmmDSKLYoxpUt9sn6MHEOyCA15riGQJnv9I",
    );
    [
        Vector {
            key: es256(X_OF_NONE, Y_OF_NONE),
            challenge: none,
            flags: "19",
            client_data: client_data(none, "\"crossOrigin\":false"),
            signature: "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd3802210084\
                        80ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87",
            error: WebAuthnError::NotVerified,
        },
        Vector {
            key: es256(
                "22200a473f90b11078851550d03b4e44a2279f8c4eca27b3153dedfe03e4e97d",
                "cbd0be95e746ad6f5a8191be11756e4c0420e72f65b466d39bc56b8b123a9c6e",
            ),
            challenge: framed,
            flags: "05",
            client_data: client_data(framed, in_a_frame),
            signature: "3046022100eb12fcf23b12764c0f122e22371fab92e283879fd798f38ee1841c951b6e40e7022100c76237ff9d\
                        b77b3c56f30837cda6a09acfa2e915544e609c0733b1184036d1cf",
            error: WebAuthnError::OtherOrigin,
        },
        Vector {
            key: "a4010103272006215820".to_owned() + "44e06ddd331c36a8dc667bab52bcae63486c916aa5e339e6acebaa84934bf832",
            challenge: edwards,
            flags: "01",
            client_data: client_data(edwards, "\"crossOrigin\":false"),
            signature: "f5c59c7e46c34f6f8cc197101ddf9934fa2595f68eb1913a637e8419eb9ba4cfdfc48f85393bc0d40b011f0d6f\
                        ecb097d6607525713223a0dc0d453993dae00b",
            error: WebAuthnError::NotVerified,
        },
    ]
}

#[test]
fn published_assertions_are_right_up_to_the_one_thing_that_we_ask_for_besides() {
    for vector in vectors() {
        assert_eq!(vector.assertion().challenge().as_deref(), Ok(vector.challenge));
        assert_eq!(vector.verify(&party(), vector.challenge), Err(vector.error), "{}", vector.challenge);
    }
}

#[test]
fn each_part_of_an_assertion_is_judged() {
    let [mut vector, ..] = vectors();
    let other_host = RelyingParty { id: "example.com".to_owned(), ..party() };
    assert_eq!(vector.verify(&other_host, vector.challenge), Err(WebAuthnError::OtherRelyingParty));
    let other_port = RelyingParty { origin: "https://example.org:8443".to_owned(), ..party() };
    assert_eq!(vector.verify(&other_port, vector.challenge), Err(WebAuthnError::OtherOrigin));
    assert_eq!(vector.verify(&party(), "another"), Err(WebAuthnError::OtherChallenge));
    vector.flags = "1d";
    assert_eq!(
        vector.verify(&party(), vector.challenge),
        Err(WebAuthnError::BadSignature),
        "a flag was set afterwards"
    );
    let [mut vector, ..] = vectors();
    vector.client_data = vector.client_data.replace("webauthn.get", "webauthn.create");
    assert_eq!(vector.verify(&party(), vector.challenge), Err(WebAuthnError::BadSignature));
    let [_, other, edwards] = vectors();
    let vector = Vector { key: other.key, ..edwards };
    assert_eq!(vector.verify(&party(), vector.challenge), Err(WebAuthnError::BadSignature), "another key");
}

/// The example of §16.2.
#[test]
fn a_published_registration_is_right_but_for_the_person_who_was_not_verified() {
    let statement = format!(
        "{STATEMENT}59000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3\
         ec330084be4{}",
        es256(X_OF_NONE, Y_OF_NONE)
    );
    let challenge = "AMMPt4UxxGTStncdq417YDwBFi8vpIa-pw8oOuVW4TA";
    let client_data = format!(
        r#"{{"type":"webauthn.create","challenge":"{challenge}","origin":"https://example.org","crossOrigin":false,"extraData":"clientDataJSON may be extended with additional fields in the future, such as this: BkQeDjdcTBrXBiAwJTLE5Q"}}"#
    );
    let object =
        |statement: &str| text(&format!("a363666d74646e6f6e656761747453746d74a068617574684461746158a4{statement}"));
    let verify = |statement: &str, party: &RelyingParty| {
        let attestation = Attestation::new(&URL_SAFE_NO_PAD.encode(&client_data), &object(statement));
        attestation.expect("because the specification writes it so").verify(party, challenge)
    };
    assert_eq!(verify(&statement, &party()).err(), Some(WebAuthnError::NotVerified));
    // No signature covers a registration without attestation, so the test can set the flag to run the remaining checks.
    let verified = statement.replacen(&format!("{STATEMENT}59"), &format!("{STATEMENT}5d"), 1);
    let made = verify(&verified, &party()).expect("because all is right");
    assert_eq!(made.id, text("f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4"));
    assert_eq!(made.public_key, text(&es256(X_OF_NONE, Y_OF_NONE)));
    assert!(made.is_backup_eligible && made.counter == 0);
    let elsewhere = RelyingParty { origin: "https://evil.example.org".to_owned(), ..party() };
    assert_eq!(verify(&verified, &elsewhere).err(), Some(WebAuthnError::OtherOrigin));
    let off_the_curve = verified.replace(Y_OF_NONE, X_OF_NONE);
    assert_eq!(verify(&off_the_curve, &party()).err(), Some(WebAuthnError::Malformed));
    let without_key = verified.replacen(&format!("{STATEMENT}5d"), &format!("{STATEMENT}1d"), 1);
    assert_eq!(verify(&without_key, &party()).err(), Some(WebAuthnError::Malformed), "bytes that no flag announces");
    let backed_up_against_the_rule = verified.replacen(&format!("{STATEMENT}5d"), &format!("{STATEMENT}55"), 1);
    assert_eq!(verify(&backed_up_against_the_rule, &party()).err(), Some(WebAuthnError::Malformed));
}

#[test]
fn parts_that_are_empty_too_long_or_no_base64url_are_not_read() {
    let long = "A".repeat(MAX_PART + 4);
    for broken in ["", "%", "AA==", &long] {
        assert!(Attestation::new(broken, "AAAA").is_err() && Attestation::new("AAAA", broken).is_err());
        assert!(Assertion::new([broken, "AAAA", "AAAA", "AAAA", ""]).is_err());
        assert!(Assertion::new(["AAAA", "AAAA", "AAAA", broken, ""]).is_err());
    }
    let twice = r#"{"type":"webauthn.get","type":"webauthn.get","challenge":"c","origin":"o"}"#;
    let attestation = Attestation::new(&URL_SAFE_NO_PAD.encode(twice), "AAAA").expect("because it is base64url");
    assert_eq!(attestation.challenge().err(), Some(WebAuthnError::Malformed));
}
