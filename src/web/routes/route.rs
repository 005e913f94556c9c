//! The types of a row in the route table, and their conversion for actix-web.

use actix_web::http::Method;
use actix_web::web::{self, scope};
use actix_web::{Resource, Route as Handler, Scope, guard};

use super::other_methods::OtherMethods;
use crate::domain::security_log::SecurityEvent;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Every caller, with or without credentials.
    Anybody,
    /// A client that authenticates.
    Client,
    /// A program that sends a token.
    Token,
    /// A signed-in person with a session.
    Person,
    /// A program without credentials. Cookies are ignored.
    Program,
    /// A script in a page of this server, in the session of a signed-in person. Errors are JSON.
    Session,
}

/// What a route writes to the security log when it succeeds.
#[derive(Clone, Copy, Debug)]
pub enum Logs {
    /// These events, in this order.
    Events(&'static [SecurityEvent]),
    /// No event, for this reason.
    Nothing(&'static str),
}

/// One method of one path.
#[derive(Debug)]
pub struct Route {
    /// GET includes HEAD (RFC 9110 §9.3.2).
    pub method: Method,
    /// Relative to the path of the public URL, with variables in the syntax of actix-web.
    pub path: &'static str,
    pub access: Access,
    pub logs: Logs,
    /// Returns the handler for actix-web. It is called once in each worker.
    pub(super) handler: fn() -> Handler,
}

/// Routes that are served together: with the same layers, and the same response to other methods.
#[derive(Debug)]
pub struct Section {
    /// The prefix of each path in the section; empty when the section has no scope of its own.
    pub prefix: &'static str,
    /// The response to a method that no route of the path supports.
    pub other_methods: OtherMethods,
    /// The routes in the order in which they are tried. The routes of a path are adjacent.
    pub routes: &'static [Route],
}

/// An address that a request can name: the path of a route with one of its alternatives.
#[derive(Clone, Debug)]
pub struct Address {
    /// With variables in braces, such as `/developer/apps/{client_id}`.
    pub path: String,
    /// The row of the table.
    pub route: &'static Route,
    /// The response to a method that no route of the path supports.
    pub other_methods: OtherMethods,
}

impl Route {
    /// Returns every address of the route. A path with `{name:a|b}` has two.
    pub fn addresses(&self) -> Vec<String> {
        alternatives(self.path)
    }
}

impl Section {
    /// Returns every address of the section.
    pub fn addresses(&'static self) -> impl Iterator<Item = Address> {
        let address = move |route| move |path| Address { path, route, other_methods: self.other_methods };
        self.routes.iter().flat_map(move |route| route.addresses().into_iter().map(address(route)))
    }

    /// Returns the resources for actix-web, each at the path that `place` returns. A path for which it
    /// returns `None` is left out.
    pub(super) fn resources(&self, place: impl Fn(&str) -> Option<String>) -> Vec<Resource> {
        let paths = self.routes.chunk_by(|one, next| one.path == next.path);
        let placed = paths.filter_map(|routes| place(routes[0].path).map(|path| self.resource(&path, routes)));
        placed.collect()
    }

    /// Returns the resources at their paths below the prefix of the section.
    pub(super) fn resources_below(&self) -> Vec<Resource> {
        self.resources(|path| path.strip_prefix(self.prefix).map(str::to_owned))
    }

    /// Returns the section as a separate scope.
    pub(super) fn scope(&self) -> Scope {
        self.resources_below().into_iter().fold(scope(self.prefix), Scope::service)
    }

    fn resource(&self, path: &str, routes: &[Route]) -> Resource {
        let methods = routes.iter().map(|route| &route.method);
        let resource = self.other_methods.resource(path, methods, routes[0].handler);
        routes.iter().fold(resource, |resource, route| resource.route((route.handler)()))
    }
}

/// Matches GET, and HEAD like it (RFC 9110 §9.3.2).
pub(super) fn get_or_head() -> Handler {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

fn alternatives(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let (variable, after) = rest.split_once('}').unwrap_or((rest, ""));
    let values: Vec<String> = match variable.split_once(':') {
        None => vec![format!("{{{variable}}}")],
        Some((_, values)) => values.replace("(?i)", "").split('|').map(str::to_owned).collect(),
    };
    let ends = alternatives(after);
    values.iter().flat_map(|value| ends.iter().map(move |end| format!("{before}{value}{end}"))).collect()
}

/// Defines sections, and `SECTIONS` with all of them. A row is
///
/// ```text
/// METHOD "/path" => handler, Access, logs [Event, …];
/// METHOD "/path" => handler, Access, logs_nothing REASON;
/// ```
///
/// Only a safe method (RFC 9110 §9.2.1) may leave out what it logs.
macro_rules! sections {
    ($(
        $(#[doc = $doc:literal])*
        $section:ident in $prefix:literal, other_methods $other_methods:ident {
            $(
                $method:ident $path:literal => $handler:expr, $access:ident
                $(, logs [$($event:ident),+])? $(, logs_nothing $reason:expr)?;
            )*
        }
    )*) => {
        $(
            $(#[doc = $doc])*
            pub static $section: Section = Section {
                prefix: $prefix,
                other_methods: OtherMethods::$other_methods,
                routes: &[$(Route {
                    method: Method::$method,
                    path: $path,
                    access: Access::$access,
                    logs: sections!(@logs $method [$($($event),+)?] [$($reason)?]),
                    handler: || sections!(@route $method).to($handler),
                }),*],
            };
        )*
        /// All sections, in the order in which they are tried.
        pub static SECTIONS: &[&Section] = &[$(&$section),*];
    };
    (@logs GET [] []) => { Logs::Nothing("it changes nothing") };
    (@logs OPTIONS [] []) => { Logs::Nothing("it changes nothing") };
    (@logs $method:ident [] [$reason:expr]) => { Logs::Nothing($reason) };
    (@logs $method:ident [$($event:ident),+] []) => { Logs::Events(&[$(SecurityEvent::$event),+]) };
    (@route GET) => { $crate::web::routes::route::get_or_head() };
    (@route POST) => { actix_web::web::post() };
    (@route PUT) => { actix_web::web::put() };
    (@route PATCH) => { actix_web::web::patch() };
    (@route DELETE) => { actix_web::web::delete() };
    (@route OPTIONS) => { actix_web::web::method(Method::OPTIONS) };
}
pub(super) use sections;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_alternatives_is_an_address_for_each() {
        assert_eq!(alternatives("/a/{id}/b"), ["/a/{id}/b"]);
        assert_eq!(alternatives("/{login:(?i)login}{end:|/}"), ["/login", "/login/"]);
        assert_eq!(alternatives("/{name:a|b}/{id}"), ["/a/{id}", "/b/{id}"]);
    }
}
