//! The rule for all URIs that are registered here, of whatever kind.

/// Whether a text contains neither white space nor control characters, which no URI contains (RFC 3986 §2). Lists of
/// URIs are stored separated by spaces: a URI with a space would be read as two.
pub fn is_unbroken(text: &str) -> bool {
    !text.chars().any(|character| character.is_whitespace() || character.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::document_url::DocumentUrl;
    use crate::domain::keys_url::KeysUrl;
    use crate::domain::login_return_url::{LoginReturnUrl, ReturnUrl};
    use crate::domain::redirect_uri::RedirectUri;

    #[test]
    fn no_kind_of_address_is_taken_with_white_space_or_a_control_character_anywhere() {
        let is_taken = |text: &str| {
            text.parse::<RedirectUri>().is_ok()
                || text.parse::<LoginReturnUrl>().is_ok()
                || text.parse::<ReturnUrl>().is_ok()
                || text.parse::<KeysUrl>().is_ok()
                || text.parse::<DocumentUrl>().is_ok()
        };
        let every = (0..=0x10_ffff).filter_map(char::from_u32);
        let breaking: Vec<char> = every.filter(|character| !is_unbroken(&character.to_string())).collect();
        assert!(breaking.contains(&' ') && breaking.contains(&'\u{85}') && breaking.contains(&'\u{3000}'));
        for plain in [
            "https://app.example/cb?a=1", "http://127.0.0.1:8000/cb", "com.example.app:x", "com.example.app:/cb?a=1",
            "com.example.app://host/cb",
        ] {
            assert!(is_taken(plain), "{plain}");
            for character in &breaking {
                for at in 0..=plain.len() {
                    let broken = format!("{}{character}{}", &plain[..at], &plain[at..]);
                    assert!(!is_taken(&broken), "{broken:?}");
                }
            }
        }
    }
}
