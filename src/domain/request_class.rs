//! What kind of request it is, and what it is about: method and path, as data that an operator may
//! replace (`compatibility.md`, B6). A token's class opens some kinds.

use percent_encoding::percent_decode_str;

use super::resource::canonical;
use super::token_class::{Action, ResourceType, TokenClass};

/// The classes of requests to the second platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestClass {
    /// Lists, names, versions: reads that are no stream.
    Metadata,
    /// Vector tiles, GeoJSON streams, raster tiles.
    Stream,
    /// Making existing tiles anew.
    RefreshTiles,
    /// A published project's definition.
    PublishedProject,
    /// Everything else that writes.
    Write,
    /// Making tokens: the generator's business, at our own endpoint only.
    Mint,
}

impl RequestClass {
    const NAMES: [(&'static str, Self); 6] = [
        ("metadata", Self::Metadata),
        ("stream", Self::Stream),
        ("refresh_tiles", Self::RefreshTiles),
        ("published_project", Self::PublishedProject),
        ("write", Self::Write),
        ("mint", Self::Mint),
    ];
}

/// The default of `forward_auth.classes`: the platform's published addresses, and one guess for each
/// of the two that it did not publish.
const CLASSES: &str = "GET /spatialstudio/oauth/v1/vt/{}/{}/{}/{}/{} stream,\
    GET /spatialstudio/oauth/v1/jsonstream/{} stream,\
    GET /spatialstudio/oauth/v1/rt/{}/{}/{}/{} stream,\
    POST /spatialstudio/oauth/v1/vt/{}/{}/refresh refresh_tiles,\
    GET /spatialstudio/oauth/v1/published/** published_project,\
    GET /spatialstudio/api/v1/embeddable.js published_project,\
    POST /spatialstudio/oauth/v1/user/token mint";

/// The default of `forward_auth.resources`: the first platform's addresses of one resource.
const RESOURCES: &str = "/v3/path/{resource}/**,/v3/ogc/{}/{resource}/**";

/// The default of `forward_auth.filesets`.
const FILESETS: &str = "/spatialstudio/oauth/v1/filesets/{resource}/**";

/// A rule that cannot be read, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' must be {1}")]
pub struct InvalidRule(String, &'static str);

/// What requests are, by their method and path.
#[derive(Clone, Debug)]
pub struct RequestRules {
    texts: [String; 3],
    classes: Vec<Rule>,
    resources: Vec<Pattern>,
    filesets: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Rule {
    method: String,
    pattern: Pattern,
    class: RequestClass,
}

/// A path: a segment's text stands for itself in any letter case, `{}` is any one segment,
/// `{resource}` is the one that names what the request is about, a last `**` is the rest.
#[derive(Clone, Debug)]
struct Pattern(Vec<String>);

impl Default for RequestRules {
    fn default() -> Self {
        Self::parse(CLASSES, RESOURCES, FILESETS).expect("because a test parses our own rules")
    }
}

impl RequestRules {
    /// Reads three comma-separated lists; an empty one is our own.
    ///
    /// # Errors
    /// The first rule that cannot be read.
    pub fn parse(classes: &str, resources: &str, filesets: &str) -> Result<Self, InvalidRule> {
        fn each(text: &str) -> impl Iterator<Item = &str> {
            text.split(',').map(str::trim).filter(|rule| !rule.is_empty())
        }
        let or = |text: &str, default: &str| if text.trim().is_empty() { default } else { text }.to_owned();
        let texts = [or(classes, CLASSES), or(resources, RESOURCES), or(filesets, FILESETS)];
        Ok(Self {
            classes: each(&texts[0]).map(Rule::parse).collect::<Result<_, _>>()?,
            resources: each(&texts[1]).map(Pattern::of_resource).collect::<Result<_, _>>()?,
            filesets: each(&texts[2]).map(Pattern::of_resource).collect::<Result<_, _>>()?,
            texts,
        })
    }

    /// The rules as the settings write them: classes, resources, filesets.
    pub fn as_written(&self) -> [&str; 3] {
        self.texts.each_ref().map(String::as_str)
    }

    /// The class of a request whose path servers read in one way only. The first rule that fits
    /// decides; HEAD follows GET; what no rule names is a read of metadata, or a write.
    pub fn classify(&self, method: &str, path: &str) -> RequestClass {
        let method = if method == "HEAD" { "GET" } else { method };
        let fits = |rule: &&Rule| (rule.method == "*" || rule.method == method) && rule.pattern.fits(path).is_some();
        let default = if method == "GET" { RequestClass::Metadata } else { RequestClass::Write };
        self.classes.iter().find(fits).map_or(default, |rule| rule.class)
    }

    /// The one resource that a path names, as we spell it, where the platform's paths name one.
    pub fn resource(&self, path: &str) -> Option<String> {
        let named = self.resources.iter().find_map(|pattern| pattern.fits(path).flatten())?;
        Some(canonical(&percent_decode_str(named).decode_utf8_lossy()))
    }

    /// Whether a path is this fileset's, or of a file in it (B7).
    pub fn is_in_fileset(&self, path: &str, fileset: &str) -> bool {
        let named = self.filesets.iter().find_map(|pattern| pattern.fits(path).flatten());
        named.is_some_and(|named| percent_decode_str(named).decode_utf8_lossy() == fileset)
    }
}

impl Rule {
    fn parse(text: &str) -> Result<Self, InvalidRule> {
        let wrong = || InvalidRule(text.to_owned(), "a method or *, a path, and a class, with spaces between them");
        let parts: Vec<&str> = text.split_ascii_whitespace().collect();
        let [method, path, class] = parts[..] else { return Err(wrong()) };
        let class = RequestClass::NAMES.iter().find(|(name, _)| *name == class).map(|(_, class)| *class);
        let wrong_class = "metadata, stream, refresh_tiles, published_project, write or mint at its end";
        let class = class.ok_or_else(|| InvalidRule(text.to_owned(), wrong_class))?;
        Ok(Self { method: method.to_ascii_uppercase(), pattern: Pattern::parse(path)?, class })
    }
}

impl Pattern {
    fn parse(path: &str) -> Result<Self, InvalidRule> {
        let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        let rest = segments.iter().position(|segment| segment == "**");
        if !path.starts_with('/') || rest.is_some_and(|at| at + 1 != segments.len()) {
            return Err(InvalidRule(path.to_owned(), "a path that begins with / and has ** at its end only"));
        }
        Ok(Self(segments))
    }

    fn of_resource(path: &str) -> Result<Self, InvalidRule> {
        let pattern = Self::parse(path)?;
        match pattern.0.iter().filter(|segment| *segment == "{resource}").count() {
            1 => Ok(pattern),
            _ => Err(InvalidRule(path.to_owned(), "a path with one segment {resource}")),
        }
    }

    /// Whether a path fits, segment by segment, and what stands where `{resource}` does.
    fn fits<'a>(&self, path: &'a str) -> Option<Option<&'a str>> {
        let (mut pattern, mut path) = (self.0.iter().map(String::as_str), path.split('/'));
        let mut named = None;
        loop {
            match (pattern.next(), path.next()) {
                (Some("**"), _) | (None, None) => return Some(named),
                (Some("{}"), Some(segment)) if !segment.is_empty() => {}
                (Some("{resource}"), Some(segment)) if !segment.is_empty() => named = Some(segment),
                (Some(expected), Some(segment)) if expected.eq_ignore_ascii_case(segment) => {}
                _ => return None,
            }
        }
    }
}

impl TokenClass {
    /// The matrix of B6.
    pub fn opens(self, class: RequestClass) -> bool {
        let is_all = self.resource_type() == ResourceType::All;
        match class {
            RequestClass::Metadata => is_all,
            RequestClass::Stream => true, // an embedding token's project is judged by the API, which is told the class
            RequestClass::RefreshTiles => self.action() == Action::ReadWrite,
            RequestClass::PublishedProject => is_all || self.resource_type() == ResourceType::EmbeddedPublishedProject,
            RequestClass::Mint => false,
            RequestClass::Write => is_all && self.action() == Action::ReadWrite,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_class_of_the_table() {
        let rules = RequestRules::default();
        let base = "/spatialstudio/oauth/v1";
        for (method, path, class) in [
            ("GET", "/user", RequestClass::Metadata),
            ("GET", "/datasets", RequestClass::Metadata),
            ("GET", "/vt/7/geom/1/2/3.mvt", RequestClass::Stream),
            ("HEAD", "/rt/7/1/2/3.png", RequestClass::Stream),
            ("GET", "/jsonstream/7", RequestClass::Stream),
            ("GET", "/jsonstream/7/more", RequestClass::Metadata),
            ("POST", "/jsonstream/7", RequestClass::Write),
            ("POST", "/vt/7/geom/refresh", RequestClass::RefreshTiles),
            ("POST", "/USER/token", RequestClass::Mint),
            ("GET", "/published/project/9", RequestClass::PublishedProject),
            ("DELETE", "/datasets/7", RequestClass::Write),
        ] {
            assert_eq!(rules.classify(method, &format!("{base}{path}")), class, "{method} {path}");
        }
    }

    #[test]
    fn an_operator_replaces_the_rules_and_wrong_ones_are_told() {
        let rules =
            RequestRules::parse("* /tiles/** stream", "/gis/v3/{resource}", "").expect("because they are rules");
        assert_eq!(rules.classify("POST", "/tiles/1/2"), RequestClass::Stream);
        assert_eq!(rules.classify("GET", "/spatialstudio/oauth/v1/jsonstream/7"), RequestClass::Metadata);
        assert_eq!(rules.resource("/gis/V3/My%20Map"), Some("My Map".to_owned()));
        assert_eq!(rules.resource("/v3/path/x"), None);
        assert!(rules.is_in_fileset("/spatialstudio/oauth/v1/filesets/a%20b/x.json", "a b"));
        for (classes, resources) in [
            ("GET /x", ""),
            ("GET x stream", ""),
            ("GET /x nothing", ""),
            ("GET /**/x stream", ""),
            ("", "/v3/{}"),
            ("", "/{resource}/{resource}"),
        ] {
            assert!(RequestRules::parse(classes, resources, "").is_err(), "{classes} {resources}");
        }
    }

    #[test]
    fn every_cell_of_the_matrix_holds() {
        use RequestClass::{Metadata, PublishedProject, RefreshTiles, Stream, Write};
        // read all, write all, streaming, refreshing, embedded
        for (class, row) in [
            (Metadata, [true, true, false, false, false]),
            (Stream, [true, true, true, true, true]),
            (RefreshTiles, [false, true, false, true, false]),
            (PublishedProject, [true, true, false, false, true]),
            (Write, [false, true, false, false, false]),
        ] {
            let kinds = [
                (Action::ReadOnly, ResourceType::All),
                (Action::ReadWrite, ResourceType::All),
                (Action::ReadOnly, ResourceType::DatasetStreaming),
                (Action::ReadWrite, ResourceType::DatasetStreamingRefreshing),
                (Action::ReadOnly, ResourceType::EmbeddedPublishedProject),
            ];
            let opened =
                kinds.map(|(action, kind)| TokenClass::new(action, kind).expect("because it is valid").opens(class));
            assert_eq!(opened, row, "{class:?}");
        }
    }
}
