//! What kind of request it is: method and path, as data (`compatibility.md`, B6). A token's class
//! opens some of them.

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

/// A rule: a method (or any), a path pattern, and the class of what fits. In a pattern `{}` is one
/// segment and a last `**` is the rest.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    method: &'static str,
    pattern: &'static str,
    class: RequestClass,
}

const fn rule(method: &'static str, pattern: &'static str, class: RequestClass) -> Rule {
    Rule { method, pattern, class }
}

/// The platform's own rules; the first that fits decides. HEAD follows GET.
pub static RULES: [Rule; 12] = [
    rule("GET", "/spatialstudio/oauth/v1/vt/{}/{}/{}/{}/{}", RequestClass::Stream),
    rule("GET", "/spatialstudio/oauth/v1/jsonstream/{}", RequestClass::Stream),
    rule("GET", "/spatialstudio/oauth/v1/rt/{}/{}/{}/{}", RequestClass::Stream),
    rule("POST", "/spatialstudio/oauth/v1/vt/{}/{}/refresh", RequestClass::RefreshTiles),
    rule("POST", "/spatialstudio/oauth/v1/datasets/{}/tiles/refresh", RequestClass::RefreshTiles),
    rule("POST", "/spatialstudio/oauth/v1/vt/{}/refresh", RequestClass::RefreshTiles),
    rule("GET", "/spatialstudio/oauth/v1/published/**", RequestClass::PublishedProject),
    rule("GET", "/spatialstudio/oauth/v1/publishedProjects/**", RequestClass::PublishedProject),
    rule("GET", "/spatialstudio/api/v1/embeddable.js", RequestClass::PublishedProject),
    rule("POST", "/spatialstudio/oauth/v1/user/token", RequestClass::Mint),
    rule("GET", "/**", RequestClass::Metadata),
    rule("*", "/**", RequestClass::Write),
];

/// The class of a request; its path is already free of dot segments and coded slashes.
pub fn classify(method: &str, path: &str) -> RequestClass {
    let method = if method == "HEAD" { "GET" } else { method };
    let found = RULES.iter().find(|rule| (rule.method == "*" || rule.method == method) && fits(rule.pattern, path));
    found.map_or(RequestClass::Write, |rule| rule.class)
}

/// Whether a path fits a pattern, segment by segment.
pub fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (Some("**"), _) | (None, None) => return true,
            (Some("{}"), Some(segment)) if !segment.is_empty() => {}
            (Some(expected), Some(segment)) if expected == segment => {}
            _ => return false,
        }
    }
}

impl TokenClass {
    /// The matrix of B6.
    pub fn opens(self, class: RequestClass) -> bool {
        let is_all = self.resource_type() == ResourceType::All;
        match class {
            RequestClass::Metadata => is_all,
            RequestClass::Stream => true, // an embedding token's project is judged by the API
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
            ("GET", "/published/project/9", RequestClass::PublishedProject),
            ("DELETE", "/datasets/7", RequestClass::Write),
        ] {
            assert_eq!(classify(method, &format!("{base}{path}")), class, "{method} {path}");
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
