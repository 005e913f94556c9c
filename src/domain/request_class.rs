//! Request classes: the class of a forwarded request and the resource that it concerns, by method and path, with rules
//! that an operator may replace (`docs/compatibility/spatial-studio.md#request-classes`). The class of a token allows
//! some request classes.

use super::path_pattern::{InvalidPattern, Pattern};
use super::plain_path::PlainPath;
use super::resource::canonical;
use super::token_class::{Action, ResourceType, TokenClass};

/// The classes of requests to the second platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestClass {
    /// Lists, names, versions: read requests that are not streams.
    Metadata,
    Stream,
    /// Regenerating existing tiles.
    RefreshTiles,
    /// The definition of a published project.
    PublishedProject,
    /// All other requests that write.
    Write,
    /// Creating tokens: allowed to the generator only, and only at this server's own endpoint.
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

/// The default of `forward_auth.classes`: the paths that the platform published, and one guess for each of the two that
/// it did not publish.
const CLASSES: &str = "GET /spatialstudio/oauth/v1/vt/{}/{}/{}/{}/{} stream,\
    GET /spatialstudio/oauth/v1/jsonstream/{} stream,\
    GET /spatialstudio/oauth/v1/rt/{}/{}/{}/{} stream,\
    POST /spatialstudio/oauth/v1/vt/{}/{}/refresh refresh_tiles,\
    GET /spatialstudio/oauth/v1/published/** published_project,\
    GET /spatialstudio/api/v1/embeddable.js published_project,\
    POST /spatialstudio/oauth/v1/user/token mint";

/// The default of `forward_auth.resources`: the paths of one resource on the first platform.
const RESOURCES: &str = "/v3/path/{resource}/**,/v3/ogc/{}/{resource}/**";

/// The default of `forward_auth.filesets`: the paths of one fileset.
const FILESETS: &str = "/spatialstudio/oauth/v1/filesets/{resource}/**";

/// A rule that cannot be parsed; the message is for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' must be {1}")]
pub struct InvalidRule(String, &'static str);

/// The rules that classify requests by their method and path.
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

impl Default for RequestRules {
    fn default() -> Self {
        Self::parse(CLASSES, RESOURCES, FILESETS).expect("because a test parses our own rules")
    }
}

impl RequestRules {
    /// Parses three comma-separated lists; an empty one is replaced by its default.
    ///
    /// # Errors
    /// The first rule that cannot be parsed.
    pub fn parse(classes: &str, resources: &str, filesets: &str) -> Result<Self, InvalidRule> {
        fn each(text: &str) -> impl Iterator<Item = &str> {
            text.split(',').map(str::trim).filter(|rule| !rule.is_empty())
        }
        let or = |text: &str, default: &str| if text.trim().is_empty() { default } else { text }.to_owned();
        let texts = [or(classes, CLASSES), or(resources, RESOURCES), or(filesets, FILESETS)];
        Ok(Self {
            classes: each(&texts[0]).map(Rule::parse).collect::<Result<_, _>>()?,
            resources: each(&texts[1]).map(of_resource).collect::<Result<_, _>>()?,
            filesets: each(&texts[2]).map(of_resource).collect::<Result<_, _>>()?,
            texts,
        })
    }

    /// Returns the rules as the settings contain them: classes, resources, filesets.
    pub fn as_written(&self) -> [&str; 3] {
        self.texts.each_ref().map(String::as_str)
    }

    /// Returns the class of a request. The first matching rule decides; HEAD is treated as GET. Without a matching
    /// rule, the class is metadata for a read request and write for any other.
    pub fn classify(&self, method: &str, path: &PlainPath) -> RequestClass {
        let default = if as_read(method) == "GET" { RequestClass::Metadata } else { RequestClass::Write };
        self.rule(method, path).map_or(default, |rule| rule.class)
    }

    /// Whether any token that may read is sufficient for a request: it is a read request, and a rule explicitly gives
    /// it the class `metadata`.
    pub fn is_open_to_readers(&self, method: &str, path: &PlainPath) -> bool {
        let rule = self.rule(method, path);
        as_read(method) == "GET" && rule.is_some_and(|rule| rule.class == RequestClass::Metadata)
    }

    fn rule(&self, method: &str, path: &PlainPath) -> Option<&Rule> {
        let method = as_read(method);
        let fits = |rule: &&Rule| (rule.method == "*" || rule.method == method) && rule.pattern.matches(path);
        self.classes.iter().find(fits)
    }

    /// Returns the resource that a path names, in its canonical spelling; `None` when no rule of the platform matches.
    pub fn resource(&self, path: &PlainPath) -> Option<String> {
        self.resources.iter().find_map(|pattern| pattern.named(path)).map(|named| canonical(&named))
    }

    /// Whether a path is that of this fileset, or of a file in it
    /// (`docs/compatibility/spatial-studio.md#fileset-tokens`).
    pub fn is_in_fileset(&self, path: &PlainPath, fileset: &str) -> bool {
        self.filesets.iter().find_map(|pattern| pattern.named(path)).is_some_and(|named| named == fileset)
    }
}

/// Returns the method whose rules apply: HEAD is treated as GET.
fn as_read(method: &str) -> &str {
    if method == "HEAD" { "GET" } else { method }
}

fn pattern(text: &str, parse: fn(&str) -> Result<Pattern, InvalidPattern>) -> Result<Pattern, InvalidRule> {
    parse(text).map_err(|InvalidPattern(must_be)| InvalidRule(text.to_owned(), must_be))
}

fn of_resource(text: &str) -> Result<Pattern, InvalidRule> {
    pattern(text, Pattern::of_resource)
}

impl Rule {
    fn parse(text: &str) -> Result<Self, InvalidRule> {
        let wrong = || InvalidRule(text.to_owned(), "a method or *, a path, and a class, with spaces between them");
        let parts: Vec<&str> = text.split_ascii_whitespace().collect();
        let [method, path, class] = parts[..] else { return Err(wrong()) };
        let class = RequestClass::NAMES.iter().find(|(name, _)| *name == class).map(|(_, class)| *class);
        let wrong_class = "metadata, stream, refresh_tiles, published_project, write or mint at its end";
        let class = class.ok_or_else(|| InvalidRule(text.to_owned(), wrong_class))?;
        Ok(Self { method: method.to_ascii_uppercase(), pattern: pattern(path, Pattern::parse)?, class })
    }
}

impl TokenClass {
    /// Whether a token of this class allows the request class, by the matrix of
    /// `docs/compatibility/spatial-studio.md#request-classes`.
    pub fn opens(self, class: RequestClass) -> bool {
        let is_all = self.resource_type() == ResourceType::All;
        match class {
            RequestClass::Metadata => is_all,
            RequestClass::Stream => true, // the API receives the class, and checks the project of an embedding token
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

    fn path(text: &str) -> PlainPath {
        PlainPath::parse(text.as_bytes()).expect("because every server reads it alike")
    }

    #[test]
    fn requests_have_the_class_of_the_table() {
        let rules = RequestRules::default();
        let base = "/spatialstudio/oauth/v1";
        for (method, named, class) in [
            ("GET", "/user", RequestClass::Metadata),
            ("GET", "/datasets", RequestClass::Metadata),
            ("GET", "/vt/7/geom/1/2/3.mvt", RequestClass::Stream),
            ("HEAD", "/rt/7/1/2/3.png", RequestClass::Stream),
            ("GET", "/jsonstream/7", RequestClass::Stream),
            ("GET", "/jsonstream/7/more", RequestClass::Metadata),
            ("POST", "/jsonstream/7", RequestClass::Write),
            ("POST", "/vt/7/geom/refresh", RequestClass::RefreshTiles),
            ("POST", "/USER/token", RequestClass::Mint),
            ("POST", "/user/token/", RequestClass::Mint),
            ("GET", "/published/project/9", RequestClass::PublishedProject),
            ("DELETE", "/datasets/7", RequestClass::Write),
        ] {
            assert_eq!(rules.classify(method, &path(&format!("{base}{named}"))), class, "{method} {named}");
        }
    }

    #[test]
    fn an_operator_replaces_the_rules_and_wrong_ones_are_told() {
        let rules =
            RequestRules::parse("* /tiles/** stream", "/gis/v3/{resource}", "").expect("because they are rules");
        assert_eq!(rules.classify("POST", &path("/tiles/1/2")), RequestClass::Stream);
        let stream = path("/spatialstudio/oauth/v1/jsonstream/7");
        assert_eq!(rules.classify("GET", &stream), RequestClass::Metadata);
        assert_eq!(rules.resource(&path("/gis/V3/My%20Map")), Some("My Map".to_owned()));
        assert_eq!(rules.resource(&path("/v3/path/x")), None);
        assert!(rules.is_in_fileset(&path("/spatialstudio/oauth/v1/filesets/a%20b/x.json"), "a b"));
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
    fn only_a_rule_that_somebody_wrote_opens_a_read_to_every_reader() {
        let rules = RequestRules::parse("* /v3/lists/** metadata,GET /tiles/** stream", "", "");
        let rules = rules.expect("because they are rules");
        let is_open = |method: &str, text: &str| rules.is_open_to_readers(method, &path(text));
        assert!(is_open("GET", "/v3/lists") && is_open("HEAD", "/V3/lists/a/"));
        assert!(!is_open("POST", "/v3/lists") && !is_open("OPTIONS", "/v3/lists"));
        assert!(!is_open("GET", "/tiles/1") && !is_open("GET", "/elsewhere"));
        assert!(!RequestRules::default().is_open_to_readers("GET", &path("/v3/account")));
    }

    #[test]
    fn every_cell_of_the_matrix_holds() {
        use RequestClass::{Metadata, PublishedProject, RefreshTiles, Stream, Write};
        // The columns: read all, write all, streaming, refreshing, embedded.
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
