//! The base key: the secret of the installation, from which every other key is derived by its label.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::secret::{Secret, sha256_base64url};

/// The base keys by number. The last one is used for new data; older ones are kept as long as data needs them.
#[derive(Clone)]
pub struct BaseKeys(Vec<(i32, Secret)>);

/// The text is not a list of base keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret file holds one line per key, as `1:` and 64 hexadecimal digits")]
pub struct InvalidBaseKeys;

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

impl BaseKeys {
    /// Generates a first key with random bytes of the operating system.
    ///
    /// # Panics
    /// When the operating system returns no random bytes: there is no safe way to continue.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        rand::fill(bytes.as_mut()).expect("because the operating system's randomness is always available");
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(vec![(1, Secret::new(text))])
    }

    /// Parses the lines of a base key file.
    ///
    /// # Errors
    /// [`InvalidBaseKeys`] when a line is not a key, or when there is no line.
    pub fn parse(text: &str) -> Result<Self, InvalidBaseKeys> {
        let mut keys = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (number, key) = line.split_once(':').ok_or(InvalidBaseKeys)?;
            let number = number.parse().map_err(|_not_a_number| InvalidBaseKeys)?;
            if key.len() != 64 || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(InvalidBaseKeys);
            }
            keys.push((number, Secret::new(key)));
        }
        if keys.is_empty() { Err(InvalidBaseKeys) } else { Ok(Self(keys)) }
    }

    /// Returns the lines of a base key file.
    pub fn to_file(&self) -> Secret {
        Secret::new(self.0.iter().map(|(number, key)| format!("{number}:{}\n", key.expose())).collect::<String>())
    }

    /// Returns the number of the key that is used for new data.
    pub fn current(&self) -> i32 {
        self.0.last().map_or(0, |(number, _)| *number)
    }

    /// Derives key material from base key `number` for one purpose and context (RFC 5869: the label and `context` are
    /// the info). Returns `None` when that base key is missing.
    pub fn derive<const LENGTH: usize>(&self, number: i32, label: &str, context: &[&[u8]]) -> Option<[u8; LENGTH]> {
        let (_, key) = self.0.iter().find(|(known, _)| *known == number)?;
        let extracted: Prk = Salt::new(HKDF_SHA256, b"gatepost").extract(key.expose().as_bytes());
        let mut info: Vec<&[u8]> = vec![label.as_bytes(), b"\0"];
        info.extend_from_slice(context);
        let mut bytes = [0; LENGTH];
        extracted.expand(&info, Bytes(LENGTH)).and_then(|key| key.fill(&mut bytes)).ok()?;
        Some(bytes)
    }

    /// Encrypts a text under its own label, bound to the row that stores it (AES-256-GCM; the result begins with the
    /// number of the key). Returns `None` when the base key is missing.
    pub fn seal(&self, label: &str, row: i64, plaintext: &str) -> Option<String> {
        let number = self.current();
        let key = self.sealing_key(number, label)?;
        let mut sealed = plaintext.as_bytes().to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(row.to_be_bytes()), &mut sealed).ok()?;
        Some(format!("{number}:{}:{}", STANDARD.encode(nonce.as_ref()), STANDARD.encode(sealed)))
    }

    /// Decrypts what [`BaseKeys::seal`] encrypted for the same row; returns `None` for the ciphertext of another row.
    pub fn open(&self, label: &str, row: i64, sealed: &str) -> Option<Secret> {
        let mut parts = sealed.splitn(3, ':');
        let key = self.sealing_key(parts.next()?.parse().ok()?, label)?;
        let nonce: [u8; 12] = STANDARD.decode(parts.next()?).ok()?.try_into().ok()?;
        let mut text = Zeroizing::new(STANDARD.decode(parts.next()?).ok()?);
        let plain = key.open_in_place(Nonce::from(&nonce), Aad::from(row.to_be_bytes()), &mut text).ok()?;
        std::str::from_utf8(plain).ok().map(Secret::new)
    }

    fn sealing_key(&self, number: i32, label: &str) -> Option<RandomizedNonceKey> {
        RandomizedNonceKey::new(&AES_256_GCM, &self.derive::<32>(number, label, &[])?).ok()
    }

    /// Returns a value that shows whether a database belongs to this base key, and reveals nothing else about the key.
    pub fn check_value(&self) -> String {
        let number = self.0.first().map_or(0, |(number, _)| *number);
        sha256_base64url(&self.derive::<32>(number, "check", &[]).unwrap_or_default())
    }
}

impl std::fmt::Debug for BaseKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "BaseKeys({} of them)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_own_row_and_label_only() {
        let keys = BaseKeys::generate();
        let sealed = keys.seal("generator", 7, "secret").expect("because the key is there");
        assert_eq!(keys.open("generator", 7, &sealed).map(|text| text.expose().to_owned()).as_deref(), Some("secret"));
        assert!(keys.open("generator", 8, &sealed).is_none() && keys.open("other", 7, &sealed).is_none());
        assert!(BaseKeys::generate().open("generator", 7, &sealed).is_none());
        assert!(!sealed.contains("secret"));
    }

    #[test]
    fn keys_survive_their_file_and_derive_by_label_and_context() {
        let keys = BaseKeys::generate();
        let read = BaseKeys::parse(keys.to_file().expose()).expect("because it was just written");
        let derive = |keys: &BaseKeys, label, context: &[&[u8]]| keys.derive::<32>(1, label, context);
        assert_eq!(derive(&keys, "refresh", &[b"a"]), derive(&read, "refresh", &[b"a"]));
        assert_ne!(derive(&keys, "refresh", &[b"a"]), derive(&keys, "refresh", &[b"b"]));
        assert_ne!(derive(&keys, "refresh", &[]), derive(&keys, "cookie", &[]));
        assert_eq!(keys.derive::<32>(2, "refresh", &[]), None);
        assert!(BaseKeys::parse("").is_err() && BaseKeys::parse("1:beef").is_err());
    }
}
