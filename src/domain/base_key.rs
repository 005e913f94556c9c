//! The base key: the secret of the installation, from which every other key is derived by its label.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::secret::{Secret, sha256_base64url};

/// The base keys by number. The newest one is used for new data; older ones are kept as long as data needs them.
#[derive(Clone)]
pub struct BaseKeys {
    /// In the order of the file.
    older: Vec<BaseKey>,
    newest: BaseKey,
}

/// One base key, by its number.
#[derive(Clone)]
pub struct BaseKey {
    number: i32,
    text: Secret,
}

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
        Self { older: Vec::new(), newest: BaseKey { number: 1, text: Secret::new(text) } }
    }

    /// Parses the lines of a base key file.
    ///
    /// # Errors
    /// [`InvalidBaseKeys`] when a line is not a key, when two keys have one number, or when there is no line.
    pub fn parse(text: &str) -> Result<Self, InvalidBaseKeys> {
        let mut keys: Vec<BaseKey> = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (number, key) = line.split_once(':').ok_or(InvalidBaseKeys)?;
            let number = number.parse().map_err(|_not_a_number| InvalidBaseKeys)?;
            let is_key = key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
            // Rows name their key by its number.
            if !is_key || keys.iter().any(|known| known.number == number) {
                return Err(InvalidBaseKeys);
            }
            keys.push(BaseKey { number, text: Secret::new(key) });
        }
        let newest = keys.pop().ok_or(InvalidBaseKeys)?;
        Ok(Self { older: keys, newest })
    }

    /// Returns the lines of a base key file.
    pub fn to_file(&self) -> Secret {
        Secret::new(self.all().map(|key| format!("{}:{}\n", key.number, key.text.expose())).collect::<String>())
    }

    fn all(&self) -> impl Iterator<Item = &BaseKey> {
        self.older.iter().chain([&self.newest])
    }

    /// Returns the key that is used for new data.
    pub fn newest(&self) -> &BaseKey {
        &self.newest
    }

    /// Returns the key with this number, or `None` when it is missing.
    pub fn find(&self, number: i32) -> Option<&BaseKey> {
        self.all().find(|key| key.number == number)
    }

    /// Encrypts a text under its own label, bound to the row that stores it (AES-256-GCM; the result begins with the
    /// number of the key).
    pub fn seal(&self, label: &str, row: i64, plaintext: &str) -> String {
        let mut sealed = plaintext.as_bytes().to_vec();
        let nonce = self.newest.sealing_key(label).seal_in_place_append_tag(Aad::from(row.to_be_bytes()), &mut sealed);
        let nonce =
            nonce.expect("because randomness is always available, and AES-GCM takes any text that fits in memory");
        format!("{}:{}:{}", self.newest.number, STANDARD.encode(nonce.as_ref()), STANDARD.encode(sealed))
    }

    /// Decrypts what [`BaseKeys::seal`] encrypted for the same row; returns `None` for the ciphertext of another row.
    pub fn open(&self, label: &str, row: i64, sealed: &str) -> Option<Secret> {
        let mut parts = sealed.splitn(3, ':');
        let key = self.find(parts.next()?.parse().ok()?)?.sealing_key(label);
        let nonce: [u8; 12] = STANDARD.decode(parts.next()?).ok()?.try_into().ok()?;
        let mut text = Zeroizing::new(STANDARD.decode(parts.next()?).ok()?);
        let plain = key.open_in_place(Nonce::from(&nonce), Aad::from(row.to_be_bytes()), &mut text).ok()?;
        std::str::from_utf8(plain).ok().map(Secret::new)
    }

    /// Returns a value that shows whether a database belongs to this base key, and reveals nothing else about the key.
    pub fn check_value(&self) -> String {
        let first = self.older.first().unwrap_or(&self.newest);
        sha256_base64url(&first.derive::<32>("check", &[]))
    }
}

impl BaseKey {
    /// Returns the number that a row stores, to find the key again.
    pub fn number(&self) -> i32 {
        self.number
    }

    /// Derives key material for one purpose and context (RFC 5869: the label and `context` are the info).
    pub fn derive<const LENGTH: usize>(&self, label: &str, context: &[&[u8]]) -> [u8; LENGTH] {
        const { assert!(LENGTH <= 255 * 32, "RFC 5869 section 2.3 gives no more") };
        let extracted: Prk = Salt::new(HKDF_SHA256, b"gatepost").extract(self.text.expose().as_bytes());
        let mut info: Vec<&[u8]> = vec![label.as_bytes(), b"\0"];
        info.extend_from_slice(context);
        let mut bytes = [0; LENGTH];
        let filled = extracted.expand(&info, Bytes(LENGTH)).and_then(|key| key.fill(&mut bytes));
        filled.expect("because the length was checked above");
        bytes
    }

    fn sealing_key(&self, label: &str) -> RandomizedNonceKey {
        let key = RandomizedNonceKey::new(&AES_256_GCM, &self.derive::<32>(label, &[]));
        key.expect("because AES-256 takes a key of 32 bytes")
    }
}

impl std::fmt::Debug for BaseKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "BaseKeys({} of them)", self.all().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_own_row_and_label_only() {
        let keys = BaseKeys::generate();
        let sealed = keys.seal("generator", 7, "secret");
        assert_eq!(keys.open("generator", 7, &sealed).map(|text| text.expose().to_owned()).as_deref(), Some("secret"));
        assert!(keys.open("generator", 8, &sealed).is_none() && keys.open("other", 7, &sealed).is_none());
        assert!(BaseKeys::generate().open("generator", 7, &sealed).is_none());
        assert!(!sealed.contains("secret"));
    }

    #[test]
    fn keys_survive_their_file_and_derive_by_label_and_context() {
        let keys = BaseKeys::generate();
        let read = BaseKeys::parse(keys.to_file().expose()).expect("because it was just written");
        let derive =
            |keys: &BaseKeys, label, context: &[&[u8]]| keys.find(1).map(|key| key.derive::<32>(label, context));
        assert_eq!(derive(&keys, "refresh", &[b"a"]), derive(&read, "refresh", &[b"a"]));
        assert_ne!(derive(&keys, "refresh", &[b"a"]), derive(&keys, "refresh", &[b"b"]));
        assert_ne!(derive(&keys, "refresh", &[]), derive(&keys, "cookie", &[]));
        assert!(keys.find(2).is_none() && keys.newest().number() == 1);
        assert!(BaseKeys::parse("").is_err() && BaseKeys::parse("1:beef").is_err());
        let line = keys.to_file().expose().to_owned();
        let next = line.replacen("1:", "2:", 1);
        assert!(BaseKeys::parse(&format!("{line}{next}")).is_ok_and(|both| both.newest().number() == 2));
        assert!(BaseKeys::parse(&format!("{line}{next}{line}")).is_err(), "one number for two keys");
    }
}
