//! Deceptive names: names that can be confused with another by characters that look alike (UTS 39 §4), by invisible
//! characters, or by words that are reserved for the server.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::{MixedScript, skeleton};

use super::user::fold;

/// The name of this server on every page.
pub const OWN_NAME: &str = "Gatepost";

/// The maximum number of combining marks on one letter: Vietnamese uses two, and more of them overlap other lines
/// (Gatepost's own limit).
const MOST_MARKS: usize = 2;

/// Names that appear to be the server, its operator or its pages (Gatepost's own list).
const RESERVED: [&str; 52] = [
    "abuse", "account", "accounts", "admin", "administration", "administrator", "administrators", "admins",
    "anonymous", "api", "daemon", "everybody", "everyone", "gatepost", "help", "helpdesk", "hostmaster", "info",
    "login", "logout", "mailerdaemon", "me", "moderator", "moderators", "nobody", "noreply", "notverified", "null",
    "oauth", "official", "operator", "operators", "owner", "password", "postmaster", "register", "root", "security",
    "server", "service", "settings", "signin", "signup", "staff", "superuser", "support", "sysadmin", "system",
    "undefined", "verified", "verifiedapp", "webmaster",
];
/// Words that claim to come from the operator, wherever they occur in a name (Gatepost's own list).
const CLAIMS: [&str; 4] = ["gatepost", "official", "verified", "administrator"];

/// Whether a character has no width or shows nothing: another name without it would look the same (UTS 39 §3.1; Unicode
/// property `Default_Ignorable_Code_Point`).
pub fn is_unseen(character: char) -> bool {
    let is_private = matches!(character, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}');
    // Braille without a dot, a musical note without a head, and the characters for interlinear annotations and
    // replacements.
    let is_blank = matches!(character, '\u{2800}' | '\u{1d159}' | '\u{fff9}'..='\u{fffd}');
    // A skeleton omits ignorable characters (UTS 39 §4).
    let mut text = [0; 4];
    let is_ignorable = skeleton(character.encode_utf8(&mut text)).next().is_none();
    character.is_control() || is_private || is_blank || is_ignorable
}

/// Whether more marks are stacked on a letter than a line has space for, or a mark has no letter before it.
pub fn is_stacked(name: &str) -> bool {
    // Marks at the very beginning would combine with the text that a page shows before the name.
    let mut count = MOST_MARKS;
    name.nfc().any(|character| {
        count = if is_combining_mark(character) { count + 1 } else { 0 };
        count > MOST_MARKS
    })
}

/// Whether a word in another script could be read as a word in Latin letters: `аррӏе` (UTS 39 §4, whole-script
/// confusable).
pub fn looks_latin(word: &str) -> bool {
    is_foreign_to_latin(word) && skeleton(word).all(|character| character.is_ascii())
}

/// Whether a name mixes scripts within a word, or has words in Latin letters beside others that only look Latin. A word
/// in Latin and in Chinese, Japanese or Korean characters is not mixed (UTS 39 §5.2, highly restrictive).
pub fn is_mixed(name: &str) -> bool {
    let words = || name.split(|character: char| !is_of_word(character)).filter(|word| !word.is_empty());
    let is_mixed_word = |word: &str| {
        let others: String = word.chars().filter(|character| !is_latin(*character)).collect();
        let has_latin = others.len() < word.len();
        !(word.is_single_script() || (has_latin && others.is_single_script() && is_east_asian(&others)))
    };
    // Short words of another language may look Latin (`с`, `о`): they deceive only when every foreign word of the name
    // looks Latin.
    let mut foreign = words().filter(|word| is_foreign_to_latin(word)).peekable();
    let looks_latin = foreign.peek().is_some() && foreign.all(looks_latin);
    words().any(is_mixed_word) || looks_latin
}

fn is_of_word(character: char) -> bool {
    character.is_alphabetic() || is_combining_mark(character)
}

fn is_latin(character: char) -> bool {
    character.is_alphabetic() && format!("a{character}").is_single_script()
}

fn is_foreign_to_latin(word: &str) -> bool {
    word.chars().any(char::is_alphabetic) && !format!("a{word}").is_single_script()
}

/// Whether a text can be combined with Han characters: Chinese, Japanese, Korean.
fn is_east_asian(text: &str) -> bool {
    format!("漢{text}").is_single_script()
}

/// Returns the letter inside an enclosed character that Unicode does not map to a letter.
fn unboxed(character: char) -> char {
    let from = match character {
        '\u{1f150}'..='\u{1f169}' => '\u{1f150}',
        '\u{1f170}'..='\u{1f189}' => '\u{1f170}',
        '\u{1f1e6}'..='\u{1f1ff}' => '\u{1f1e6}',
        other => return other,
    };
    char::from_u32(u32::from('A') + u32::from(character) - u32::from(from)).unwrap_or(character)
}

/// Returns the letters and digits of a text, each replaced by the character that it looks like.
fn plain(text: &str) -> String {
    skeleton(text).filter(|character| character.is_alphanumeric()).collect()
}

/// Returns the forms in which names are compared: letters and digits only, each replaced by the character that it looks
/// like, with and without case folding. Case is folded before and after, since `I` looks like `l` and `i` does not, and
/// `0` looks like `O`.
fn looks(name: &str) -> BTreeSet<String> {
    let name: String = name.nfkc().map(unboxed).collect();
    let without_case = |text: &str| plain(&fold(&plain(text)));
    let forms = [without_case(&name), without_case(&fold(&name)), plain(&name)];
    forms.into_iter().filter(|form| !form.is_empty()).collect()
}

/// Returns the forms that other names may not look like: also those of the name in capitals, where an `l` looks like an
/// `I`.
fn protected_looks(name: &str) -> BTreeSet<String> {
    let mut forms = looks(name);
    forms.insert(plain(&name.to_uppercase()));
    forms.remove("");
    forms
}

/// Whether a name with these forms can be confused with the protected name.
fn is_alike(forms: &BTreeSet<String>, protected: &str) -> bool {
    !forms.is_disjoint(&protected_looks(protected))
}

/// Whether a name is reserved for the server.
fn is_reserved(name: &str) -> bool {
    let is_one_of = |text: &str, words: &[&str]| {
        let forms = looks(text);
        words.iter().any(|word| is_alike(&forms, word))
    };
    let plain: String = name.nfkc().map(unboxed).collect();
    let mut parts = plain.split(|character: char| !character.is_alphanumeric() && !is_combining_mark(character));
    is_one_of(name, &RESERVED) || parts.any(|part| is_one_of(part, &CLAIMS))
}

/// The owner of the name that a deceptive name can be confused with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Deception {
    /// The server or its operator.
    #[error("This name is reserved. Choose another.")]
    Reserved,
    /// An application that the operator vouches for.
    #[error("This name looks like that of a verified application. Choose another.")]
    Verified,
}

/// Returns what a name can be confused with; `verified` are the names of the applications that the operator vouches
/// for.
pub fn find_deception<'a>(name: &str, mut verified: impl Iterator<Item = &'a str>) -> Option<Deception> {
    if is_reserved(name) {
        return Some(Deception::Reserved);
    }
    let own = looks(name);
    verified.any(|other| is_alike(&own, other)).then_some(Deception::Verified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_found() {
        for character in [
            '\u{3164}', '\u{2800}', '\u{115f}', '\u{1160}', '\u{ffa0}', '\u{ad}', '\u{34f}', '\u{61c}', '\u{180e}',
            '\u{200b}', '\u{200d}', '\u{202e}', '\u{2060}', '\u{2066}', '\u{fe0f}', '\u{feff}', '\u{e0041}',
            '\u{e000}', '\u{7}', '\u{fffc}',
        ] {
            assert!(is_unseen(character), "{character:?}");
        }
        for character in "Az9éßжعあ漢한कไ♥–_.🗺".chars() {
            assert!(!is_unseen(character), "{character:?}");
        }
    }

    #[test]
    fn a_letter_carries_two_marks_and_every_mark_has_a_letter() {
        for fine in ["Nguyễn", "e\u{301}", "ไม่", "हिन्दी", "a\u{323}\u{302}", ""] {
            assert!(!is_stacked(fine), "{fine}");
        }
        for stacked in
            [format!("a{}", "\u{301}".repeat(41)), "x\u{301}\u{302}\u{303}".to_owned(), "\u{301}a".to_owned()]
        {
            assert!(is_stacked(&stacked), "{stacked}");
        }
    }

    #[test]
    fn a_word_of_another_script_that_looks_latin_deceives_and_words_of_a_language_do_not() {
        for deceiving in ["аррӏе", "сосоа", "Мар app", "Mаp app", "ΝΟΤΕ", "paypаl", "РАУ now"] {
            assert!(looks_latin(deceiving) || is_mixed(deceiving), "{deceiving}");
        }
        for fine in [
            "Карта с вами", "Карта app", "地図 Maps", "東京Metro", "Straße", "Kjær", "Yıldız", "نقشه", "한국Map",
            "Οδηγός", "Map-2 (beta)", "",
        ] {
            assert!(!looks_latin(fine) && !is_mixed(fine), "{fine}");
        }
    }

    fn look_alike(one: &str, other: &str) -> bool {
        find_deception(other, [one].into_iter()) == Some(Deception::Verified)
    }

    #[test]
    fn names_are_compared_by_what_they_look_like() {
        for other in [
            "map APP", "MapApp", "M a p  a p p!", "Мар арр", "Ｍap app", "Máp app", "Map\u{200b} app", "rnap app",
            "MAP-APP",
        ] {
            assert!(look_alike("Map app", other), "{other}");
        }
        assert!(look_alike("Maple", "MapIe") && look_alike("Maple", "Map1e"));
        assert!(look_alike("Mail", "MAlL") && look_alike("Mail", "MA1L") && look_alike("Oil Info", "0IL INF0"));
        assert!(!look_alike("Mail", "Mall"), "in small letters they do not look alike");
        for other in ["Map apps", "Mapp", "", "!!!", "App map"] {
            assert!(!look_alike("Map app", other), "{other}");
        }
        assert!(!look_alike("!", "?"), "what has no letter looks like nothing");
    }

    #[test]
    fn reserved_words_are_known_in_every_disguise() {
        for name in [
            "admin", "Admin", "ADMIN", "a.d-m_i.n", "support", "Gatepost", "gatepost", "Gаtepost", "GATEP0ST",
            "Gatepost login", "gatepost-team", "Verified", "𝐕𝐞𝐫𝐢𝐟𝐢𝐞𝐝", "🅥🅔🅡🅘🅕🅘🅔🅓", "Ｖｅｒｉｆｉｅｄ app", "VerIfied",
            "Map app (Verified)", "Not verified", "OffIcial Map app", "root", "no-reply", "ADMlN", "ADM1N", "VERlFIED",
            "0FFICIAL maps", "OFFlClAL maps", "INF0", "L0GIN",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in [
            "ann", "Map app", "Admin panel", "Support chat", "gate", "post", "unverified", "administer", "apl", "", ".",
        ] {
            assert!(!is_reserved(name), "{name}");
        }
        assert!(RESERVED.is_sorted(), "a word is found by eye");
    }
}
