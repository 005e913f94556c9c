//! One Rust file, taken apart: its code, its comments and the insides of its strings, each with the rest blanked
//! out, so that a word in a comment is never taken for code.

/// A file's text and three views of it. A view keeps every line break, so line numbers are those of the file.
pub struct Source {
    pub path: String,
    pub text: String,
    pub code: String,
    pub comments: String,
    pub strings: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Code,
    Comment,
    String,
}

impl Source {
    pub fn parse(path: &str, text: &str) -> Self {
        let parts = parts_of(text);
        let view = |wanted: Part| {
            let keep = |(letter, part): (char, &Part)| if *part == wanted || letter == '\n' { letter } else { ' ' };
            text.chars().zip(&parts).map(keep).collect()
        };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: view(Part::Code),
            comments: view(Part::Comment),
            strings: view(Part::String),
        }
    }

    /// The code without what is compiled for tests only.
    pub fn shipped_code(&self) -> String {
        let mut code = self.code.clone();
        while let Some(start) = code.find("#[cfg(test)]") {
            let end = end_of_item(&code[start..]).map_or(code.len(), |length| start + length);
            let blank: String = code[start..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
            code.replace_range(start..end, &blank);
        }
        code
    }

    /// The first folder or file below `src`: the room that the code is in.
    pub fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        Some(inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs"))
    }

    /// How many names the module's path has below the crate: 0 for `lib.rs`, 2 for `oauth/scopes.rs`.
    pub fn depth(&self) -> usize {
        let names = self.path.split('/').count() - 1;
        let is_named_by_its_folder =
            ["/mod.rs", "src/lib.rs", "src/main.rs"].iter().any(|end| self.path.ends_with(end));
        if is_named_by_its_folder { names - 1 } else { names }
    }
}

/// Where the item that an attribute stands before ends: its closing brace, or its semicolon.
fn end_of_item(code: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (position, letter) in code.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth <= 1 => return Some(position + 1),
            '}' => depth -= 1,
            ';' if depth == 0 => return Some(position + 1),
            _ => {}
        }
    }
    None
}

fn parts_of(text: &str) -> Vec<Part> {
    let letters: Vec<char> = text.chars().collect();
    let mut parts = vec![Part::Code; letters.len()];
    let mut at = 0;
    while at < letters.len() {
        let (start, end, part) = match (letters[at], letters.get(at + 1)) {
            ('/', Some('/')) => (at, line_end(&letters, at), Part::Comment),
            ('/', Some('*')) => (at, block_end(&letters, at), Part::Comment),
            ('r', Some('"' | '#')) if starts_a_word(&letters, at) => match raw_string(&letters, at) {
                Some((start, end)) => (start, end, Part::String),
                None => (at, at + 1, Part::Code),
            },
            ('"', _) => (at + 1, quote_end(&letters, at + 1, '"'), Part::String),
            ('\'', Some('\\')) => (at + 1, quote_end(&letters, at + 1, '\''), Part::String),
            ('\'', Some(_)) if letters.get(at + 2) == Some(&'\'') => (at + 1, at + 2, Part::String),
            _ => (at, at + 1, Part::Code),
        };
        let end = end.min(letters.len());
        parts[start..end].fill(part);
        // After a string stands its closing quote, which opens nothing.
        at = if part == Part::String { end + 1 } else { end };
    }
    parts
}

fn starts_a_word(letters: &[char], at: usize) -> bool {
    // br"…" and cr"…" are raw strings too.
    let before = |back: usize| at.checked_sub(back).map(|position| letters[position]);
    let is_prefixed = matches!(before(1), Some('b' | 'c')) && !before(2).is_some_and(is_of_a_word);
    is_prefixed || !before(1).is_some_and(is_of_a_word)
}

pub fn is_of_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn line_end(letters: &[char], at: usize) -> usize {
    letters[at..].iter().position(|letter| *letter == '\n').map_or(letters.len(), |length| at + length)
}

fn block_end(letters: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start + 2, 1);
    while at < letters.len() && depth > 0 {
        match (letters[at], letters.get(at + 1)) {
            ('/', Some('*')) => (at, depth) = (at + 2, depth + 1),
            ('*', Some('/')) => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    at
}

fn quote_end(letters: &[char], start: usize, quote: char) -> usize {
    let mut at = start;
    while at < letters.len() && letters[at] != quote {
        at += if letters[at] == '\\' { 2 } else { 1 };
    }
    at
}

fn raw_string(letters: &[char], at: usize) -> Option<(usize, usize)> {
    let hashes = letters[at + 1..].iter().take_while(|letter| **letter == '#').count();
    let start = at + 1 + hashes;
    if letters.get(start) != Some(&'"') {
        return None; // a raw identifier
    }
    let is_end = |end: usize| {
        letters[end] == '"' && letters[end + 1..].iter().take(hashes).filter(|l| **l == '#').count() == hashes
    };
    let end = (start + 1..letters.len()).find(|end| is_end(*end)).unwrap_or(letters.len());
    Some((start + 1, end + hashes))
}

#[test]
fn code_comments_and_strings_are_told_apart() {
    let text = "let a = \"// no \\\" comment\"; // a \"comment\"\nlet 'a'; fn f<'x>(c: '\\'') /* b /* c */ d */ {}\nr#\"raw \" // x\"# end";
    let source = Source::parse("src/x.rs", text);
    let squeeze = |view: &str| view.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeeze(&source.comments), "// a \"comment\" /* b /* c */ d */");
    assert_eq!(squeeze(&source.strings), "// no \\\" comment a \\' raw \" // x\"");
    assert!(source.code.contains("fn f<'x>(c: '") && source.code.contains("end") && !source.code.contains("raw"));
    assert_eq!(source.code.lines().count(), 3);
}

#[test]
fn test_code_is_not_shipped_and_modules_know_their_depth() {
    let source = Source::parse(
        "src/a/b.rs",
        "fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }\nfn c() {}\n#[cfg(test)]\nuse d;\nfn e() {}",
    );
    let shipped = source.shipped_code();
    assert!(["fn a", "fn c", "fn e"].iter().all(|kept| shipped.contains(kept)), "{shipped}");
    assert!(["fn b", "use d"].iter().all(|gone| !shipped.contains(gone)), "{shipped}");
    let depth = |path| Source::parse(path, "").depth();
    assert_eq!([depth("src/lib.rs"), depth("src/clock.rs"), depth("src/a/mod.rs"), depth("src/a/b.rs")], [0, 1, 1, 2]);
}
