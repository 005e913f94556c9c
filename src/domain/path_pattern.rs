//! Path patterns, which an operator writes in the rules for forwarded requests.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::plain_path::PlainPath;

/// A path pattern: the text of a segment matches that text in any letter case, `{}` matches any one segment,
/// `{resource}` matches the segment that names the resource, and a final `**` matches the rest of the path.
#[derive(Clone, Debug)]
pub struct Pattern(Vec<String>);

/// The pattern cannot be parsed; the text says what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPattern(pub &'static str);

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// What the pattern must be.
    pub fn parse(path: &str) -> Result<Self, InvalidPattern> {
        let segments: Vec<String> = without_last_slash(path).split('/').map(str::to_owned).collect();
        let rest = segments.iter().position(|segment| segment == "**");
        if !path.starts_with('/') || rest.is_some_and(|at| at + 1 != segments.len()) {
            return Err(InvalidPattern("a path that begins with / and has ** at its end only"));
        }
        Ok(Self(segments))
    }

    /// Parses a pattern that contains `{resource}`.
    ///
    /// # Errors
    /// What the pattern must be.
    pub fn of_resource(path: &str) -> Result<Self, InvalidPattern> {
        let pattern = Self::parse(path)?;
        match pattern.0.iter().filter(|segment| *segment == "{resource}").count() {
            1 => Ok(pattern),
            _ => Err(InvalidPattern("a path with one segment {resource}")),
        }
    }

    /// Whether a path matches, segment by segment. A trailing slash makes no difference, because servers add or remove
    /// it.
    pub fn matches(&self, path: &PlainPath) -> bool {
        self.find(path.as_str()).is_some()
    }

    /// Returns the decoded segment at the position of `{resource}`, when a path matches.
    pub fn named<'a>(&self, path: &'a PlainPath) -> Option<Cow<'a, str>> {
        percent_decode_str(self.find(path.as_str())??).decode_utf8().ok()
    }

    fn find<'a>(&self, path: &'a str) -> Option<Option<&'a str>> {
        let (mut pattern, mut path) = (self.0.iter().map(String::as_str), without_last_slash(path).split('/'));
        let mut named = None;
        loop {
            match (pattern.next(), path.next()) {
                (Some("**"), _) | (None, None) => return Some(named),
                (Some("{}"), Some(segment)) if !segment.is_empty() => {}
                (Some("{resource}"), Some(segment)) if !segment.is_empty() => named = Some(segment),
                (Some(expected), Some(segment)) if is_same(expected, segment) => {}
                _ => return None,
            }
        }
    }
}

fn without_last_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

/// Whether both are the same text, percent-encoded or not (RFC 3986 §6.2.2), in any letter case.
fn is_same(expected: &str, segment: &str) -> bool {
    let bytes = |text| percent_decode_str(text).map(|byte| byte.to_ascii_lowercase());
    bytes(expected).eq(bytes(segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> PlainPath {
        PlainPath::parse(text.as_bytes()).expect("because every server reads it alike")
    }

    #[test]
    fn a_path_fits_in_any_letter_case_written_or_in_code_and_with_a_last_slash() {
        let pattern = Pattern::of_resource("/x!y/{}/{resource}/**").expect("because it is one");
        for fits in ["/x!y/a/b", "/X!Y/a/b/", "/x%21y/a/b/c/d", "/x!y/a/b/c/"] {
            assert_eq!(pattern.named(&path(fits)).as_deref(), Some("b"), "{fits}");
        }
        for other in ["/x!y/a", "/x!y/a/", "/x!y", "/", "/xy/a/b"] {
            assert_eq!(pattern.named(&path(other)), None, "{other}");
        }
        let exact = Pattern::parse("/a/b/").expect("because it is one");
        assert!(exact.matches(&path("/a/b")) && exact.matches(&path("/a/b/")) && !exact.matches(&path("/a/b/c")));
        let ends_in_it = |text: &str| path(text).endings().any(|ending| exact.matches(&ending));
        assert!(ends_in_it("/x/y/a/b") && ends_in_it("/a/b/") && !ends_in_it("/xa/b") && !ends_in_it("/a/b/c"));
    }
}
