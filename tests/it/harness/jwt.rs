//! JWTs as a relying party reads them, by the published keys and by none of the server's own code.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::Server;

/// A JWT, taken apart.
pub struct Jwt {
    pub header: Value,
    pub claims: Value,
}

fn decoded(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).expect("because a JWT is base64url without padding")
}

/// Reads a JWT without a look at its signature.
pub fn read(token: &str) -> Jwt {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "a JWT has three parts: {token}");
    let json = |part| serde_json::from_slice(&decoded(part)).expect("because a JWT holds JSON");
    Jwt { header: json(parts[0]), claims: json(parts[1]) }
}

/// Reads a JWT that one of the server's published keys signed.
pub async fn verified(server: &Server, token: &str) -> Jwt {
    let jwt = read(token);
    let set = server.http.get("/oauth/jwks").await.json();
    let keys = set["keys"].as_array().expect("because RFC 7517 §5 says so");
    let key = keys.iter().find(|key| key["kid"] == jwt.header["kid"]).expect("because the key is published");
    assert_eq!(key["alg"], jwt.header["alg"]);
    let member = |name: &str| decoded(key[name].as_str().expect("because the key is whole"));
    let (message, signature) = token.rsplit_once('.').expect("because it has three parts");
    let (message, signature) = (message.as_bytes(), decoded(signature));
    let is_right = if key["kty"] == "RSA" {
        let key = RsaPublicKeyComponents { n: member("n"), e: member("e") };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message, &signature).is_ok()
    } else {
        let point = [vec![4], member("x"), member("y")].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, &signature).is_ok()
    };
    assert!(is_right, "the signature is wrong: {token}");
    jwt
}

/// The same claims under a signature that is not ours.
pub fn forged(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').expect("because it has three parts");
    let mut signature = decoded(signature);
    signature[5] ^= 1;
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}
