//! Token strings: `gp` + letter of the kind + `_` + 11 base62 digits of the row ID + 43 of the secret + 6 of the CRC32.
//!
//! They contain `[A-Za-z0-9_]` only, so that a double click selects the whole token. The checksum refuses random text
//! before any query. A token is found by its ID, and its digest is compared in constant time.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use aws_lc_rs::rand;
use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use subtle::ConstantTimeEq;

use super::id::Id;
use super::secret::{Secret, sha256_base64url};

const VENDOR: &str = "gp";
const ID_DIGITS: usize = 11;
const SECRET_DIGITS: usize = 43;
const CHECKSUM_DIGITS: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The length of every token, in characters.
pub const LENGTH: usize = VENDOR.len() + 2 + ID_DIGITS + SECRET_DIGITS + CHECKSUM_DIGITS;

/// The kind of a token: its letter, and the record whose ID it contains.
pub trait Kind: 'static {
    /// The letter after `gp`.
    const LETTER: char;
    /// The record whose row ID the token contains.
    type Record;
}

macro_rules! kinds {
    ($($(#[$note:meta])* $name:ident = $letter:literal in $record:ty;)+) => {
        $($(#[$note])* #[derive(Debug)] pub enum $name {}
        impl Kind for $name {
            const LETTER: char = $letter;
            type Record = $record;
        })+
        /// The letters of all kinds.
        pub const LETTERS: &[char] = &[$($letter),+];
    };
}

kinds! {
    /// A user token: it may do everything that its person may do.
    UserToken = 'u' in super::token_record::TokenRecord;
    /// An OAuth access token.
    AccessToken = 'a' in super::token_record::TokenRecord;
    /// A personal token: for listed resources, or for scopes of an API.
    PersonalToken = 'p' in super::token_record::TokenRecord;
    /// A studio token: for an action on a type of resource.
    StudioToken = 's' in super::token_record::TokenRecord;
    /// A generator: it creates studio tokens, and nothing else.
    GeneratorToken = 'g' in super::token_record::TokenRecord;
    /// A fileset token: it reads one fileset.
    FilesetToken = 'f' in super::token_record::TokenRecord;
    /// A login code: the login redirect's `code` delivery returns it, to be exchanged for a user token.
    LoginCode = 'l' in super::login_code::LoginCodeRecord;
    /// A registration access token: it manages a client's own registration.
    RegistrationToken = 'm' in super::self_registration::SelfRegistration;
    /// An initial access token: it allows the registration of a client.
    InitialAccessToken = 'n' in super::self_registration::InitialAccessTokenRecord;
    /// A refresh token (RFC 6749 §1.5).
    RefreshToken = 'r' in super::refresh_token::RefreshTokenRecord;
    /// An authorization code (RFC 6749 §1.3.1).
    AuthorizationCode = 'c' in super::authorization_code::AuthorizationCodeRecord;
    /// A client secret (RFC 6749 §2.3.1).
    ClientSecret = 'k' in super::client_secret::ClientSecretRecord;
    /// The secret of a browser session, in the session cookie.
    SessionKey = 'b' in super::session::Session;
    /// The secret of a sign-in that waits for its second step.
    SignInStep = 't' in super::second_factor::SignInStepRecord;
    /// The secret of a browser that does not need to show a second factor for a while, in a cookie.
    RememberedBrowser = 'w' in super::second_factor::RememberedBrowserRecord;
    /// The reference to a pushed authorization request.
    PushedRequest = 'q' in super::pushed_request::PushedRequestRecord;
    /// A device code, with which a device without a browser polls.
    DeviceCode = 'd' in super::device_code::DeviceCodeRecord;
    /// The secret of the one-time link that creates the first administrator.
    SetupLink = 'i' in super::installation::SetupLinkRecord;
}

/// The plaintext of a token. It can be sent, and cannot be stored.
pub struct Token<K: Kind> {
    id: Id<K::Record>,
    text: Secret,
    kind: PhantomData<fn() -> K>,
}

/// The digest of a token, which is stored: the SHA-256 of its text, in base64url.
#[derive(AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct TokenDigest<K>(String, PhantomData<fn() -> K>);

/// The text is not a token of this server: it is mistyped, truncated, of another kind, or random text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this kind")]
pub struct MalformedToken;

impl<K: Kind> Token<K> {
    /// Generates a token for the row `id`, with a secret of 256 random bits of the operating system.
    ///
    /// # Panics
    /// When the operating system returns no random bytes: there is no safe way to continue.
    pub fn generate(id: Id<K::Record>) -> Self {
        let mut entropy = [0; 32];
        rand::fill(&mut entropy).expect("because the operating system's randomness is always available");
        Self::from_entropy(id, &entropy)
    }

    /// Returns the token for the row `id` with the secret `entropy` (a derived successor, a test vector).
    pub fn from_entropy(id: Id<K::Record>, entropy: &[u8; 32]) -> Self {
        let mut text = String::with_capacity(LENGTH);
        text.push_str(VENDOR);
        text.push(K::LETTER);
        text.push('_');
        push_base62(&mut text, &id.number().to_be_bytes(), ID_DIGITS);
        push_base62(&mut text, entropy, SECRET_DIGITS);
        let sum = checksum(&text);
        text.push_str(&sum);
        Self { id, text: Secret::new(text), kind: PhantomData }
    }

    /// Parses a presented token. Only its form and its checksum are checked here.
    ///
    /// # Errors
    /// [`MalformedToken`] when it cannot be a token of this kind.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        // The letter first: a text of another kind needs no checksum.
        if letter_in(text) != Some(K::LETTER) {
            return Err(MalformedToken);
        }
        let number = read_number(text)?;
        Ok(Self { id: Id::from_number(number), text: Secret::new(text), kind: PhantomData })
    }

    /// Returns the row ID that it contains.
    pub fn id(&self) -> Id<K::Record> {
        self.id
    }

    /// Returns the digest, which is stored.
    pub fn digest(&self) -> TokenDigest<K> {
        TokenDigest(sha256_base64url(self.text.expose().as_bytes()), PhantomData)
    }

    /// Returns the text. No other function returns it.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// Returns the last four characters of the secret part, which a person may see later.
    pub fn last_four(&self) -> String {
        let text = self.text.expose();
        text[text.len() - 4..].to_owned()
    }
}

/// Returns the character at the place of the kind's letter, without checking the rest of the text.
pub(super) fn letter_in(text: &str) -> Option<char> {
    text.strip_prefix(VENDOR)?.chars().next()
}

/// Checks the form and the checksum, and reads the id.
fn read_number(text: &str) -> Result<i64, MalformedToken> {
    let rest = text.strip_prefix(VENDOR).ok_or(MalformedToken)?;
    if text.len() != LENGTH || !text.is_ascii() || rest.as_bytes()[1] != b'_' {
        return Err(MalformedToken);
    }
    let (body, sum) = text.split_at(LENGTH - CHECKSUM_DIGITS);
    if checksum(body) != sum {
        return Err(MalformedToken);
    }
    let mut number: u64 = 0;
    for digit in rest.as_bytes()[2..2 + ID_DIGITS].iter() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'Z' => digit - b'A' + 10,
            b'a'..=b'z' => digit - b'a' + 36,
            _ => return Err(MalformedToken),
        };
        number = number.checked_mul(62).and_then(|number| number.checked_add(value.into())).ok_or(MalformedToken)?;
    }
    i64::try_from(number).map_err(|_too_large| MalformedToken)
}

fn checksum(text: &str) -> String {
    let mut sum = String::with_capacity(CHECKSUM_DIGITS);
    push_base62(&mut sum, &crc32fast::hash(text.as_bytes()).to_be_bytes(), CHECKSUM_DIGITS);
    sum
}

/// Digits computed by one division: 62⁵ is the highest power of 62 below 2³².
const DIGITS_AT_ONCE: usize = 5;

/// Appends the big-endian number `bytes` (32 at most, a multiple of four) in exactly `digits` base62 digits (43 at
/// most, enough for every input here).
fn push_base62(text: &mut String, bytes: &[u8], digits: usize) {
    debug_assert!(bytes.len() <= 32 && bytes.len().is_multiple_of(4) && digits <= SECRET_DIGITS);
    let mut words = [0_u32; 8];
    let mut count = 0;
    for (word, four) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = four.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte));
        count += 1;
    }
    let mut written = [b'0'; SECRET_DIGITS];
    for some in written[..digits].rchunks_mut(DIGITS_AT_ONCE) {
        let mut remainder = 0_u64;
        for word in &mut words[..count] {
            let value = (remainder << 32) | u64::from(*word);
            *word = (value / 62_u64.pow(DIGITS_AT_ONCE as u32)) as u32;
            remainder = value % 62_u64.pow(DIGITS_AT_ONCE as u32);
        }
        for digit in some.iter_mut().rev() {
            *digit = ALPHABET[(remainder % 62) as usize];
            remainder /= 62;
        }
    }
    text.extend(written[..digits].iter().map(|digit| char::from(*digit)));
    zeroize::Zeroize::zeroize(&mut words);
    zeroize::Zeroize::zeroize(&mut written);
}

impl<K> TokenDigest<K> {
    /// Whether this is the digest of the presented token, compared in constant time.
    pub fn matches(&self, presented: &Self) -> bool {
        self.0.as_bytes().ct_eq(presented.0.as_bytes()).into()
    }

    /// Returns the digest as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<K> FromStr for TokenDigest<K> {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned(), PhantomData))
    }
}

impl<K> Clone for TokenDigest<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<K> fmt::Debug for TokenDigest<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenDigest(…)")
    }
}

impl<K: Kind> fmt::Debug for Token<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Token({:?})", self.id)
    }
}

impl<K: Kind> Clone for Token<K> {
    fn clone(&self) -> Self {
        Self { id: self.id, text: self.text.clone(), kind: PhantomData }
    }
}

impl<K, DB> diesel::serialize::ToSql<Text, DB> for TokenDigest<K>
where
    DB: diesel::backend::Backend,
    str: diesel::serialize::ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
        self.0.as_str().to_sql(out)
    }
}

impl<K, DB> diesel::deserialize::FromSql<Text, DB> for TokenDigest<K>
where
    DB: diesel::backend::Backend,
    String: diesel::deserialize::FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
        Ok(Self(String::from_sql(value)?, PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Id, byte of the secret (1: the bytes 0 to 31), token.
    const VECTORS: &[(i64, u8, &str)] = &[
        (0, 0, "gpa_0000000000000000000000000000000000000000000000000000000wLYAF"),
        (1, 1, "gpa_00000000001003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf0xKd5t"),
        (987_654_321_012_345, 7, "gpa_004WSCuF8qv1fJjkkpe9PiTw9KSulA8Ghct30vZz4HpdQ5c5b9cPF13rKEFN"),
        (9_223_372_036_854_775_807, 255, "gpa_AzL8n0Y58m7yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp13mVt3u"),
    ];

    fn token() -> Token<AccessToken> {
        Token::from_entropy(Id::from_number(987_654_321_012_345), &[7; 32])
    }

    #[test]
    fn a_token_is_one_word_that_carries_its_id() {
        let text = token().expose().to_owned();
        assert_eq!(text.len(), LENGTH);
        assert!(text.starts_with("gpa_") && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        let read = Token::<AccessToken>::parse(&text).expect("because it was just made");
        assert_eq!(read.id(), token().id());
        assert!(read.digest().matches(&token().digest()));
    }

    #[test]
    fn the_form_of_a_token_is_the_one_of_its_vectors() {
        // Computed by long division of the numbers, apart from this code.
        let mut rising = [0; 32];
        rising.iter_mut().zip(0..).for_each(|(byte, number)| *byte = number);
        for (id, entropy, expected) in VECTORS {
            let entropy = if *entropy == 1 { rising } else { [*entropy; 32] };
            assert_eq!(Token::<AccessToken>::from_entropy(Id::from_number(*id), &entropy).expose(), *expected);
        }
    }

    #[test]
    fn noise_truncation_and_every_changed_character_are_refused_before_a_query() {
        let text = token().expose().to_owned();
        for position in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[position] = if changed[position] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).expect("because it is ASCII");
            assert_eq!(Token::<AccessToken>::parse(&changed).err(), Some(MalformedToken), "{position}");
        }
        for noise in ["", "gpa_", "gp", &text[1..], &format!("{text}0"), "gpa_é", &"é".repeat(33)] {
            assert!(Token::<AccessToken>::parse(noise).is_err(), "{noise}");
        }
        assert!(Token::<RefreshToken>::parse(&text).is_err(), "another kind's token");
    }
}
