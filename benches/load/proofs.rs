//! Proofs of possession (RFC 9449 §4.2): each works once, so every round needs new ones.

use std::net::SocketAddr;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost::clock::Clock;
use gatepost::oauth::dpop::nonce;
use serde_json::{Value, json};

use crate::drive::Request;
use crate::requests::{basic, post_as};
use crate::seed::Seeded;
use crate::server::PUBLIC_URL;

/// Token requests by clients that act for themselves, each with a proof that nobody has seen. They carry
/// the nonce of this moment, so that no request is spent on asking for it.
pub fn requests(address: SocketAddr, seeded: &Seeded, count: usize) -> Vec<Request> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("because keys can be made");
    let (random, now) = (SystemRandom::new(), Clock::System.now());
    let nonce = nonce(&seeded.token_settings.keys, now);
    let point = key.public_key().as_ref();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
    let header = part(&json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk }));
    let url = format!("{PUBLIC_URL}/oauth/token");
    let proof = |number: usize| {
        let jti = number.to_string();
        let claims = json!({ "jti": jti, "htm": "POST", "htu": url, "iat": now.seconds(), "nonce": nonce });
        let signed = format!("{header}.{}", part(&claims));
        let signature = key.sign(&random, signed.as_bytes()).expect("because the key signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let form = "grant_type=client_credentials&scope=load";
    let by = |number: usize| &seeded.programs[number % seeded.programs.len()];
    let request = |number| {
        let headers = format!("{}DPoP: {}\r\n", basic(by(number)), proof(number));
        post_as(address, "/oauth/token", &headers, form)
    };
    (0..count).map(request).collect()
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
