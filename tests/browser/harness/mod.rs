//! Everything that a journey needs: a server, a browser, and third parties on other ports.

mod app;
mod browser;
mod chromium;
mod gatepost;
mod held;
mod nginx;
mod program;
mod site;

pub use app::{App, STATE};
pub use browser::{Browser, ENTER, TAB};
pub use gatepost::{Gatepost, PASSWORD, try_token};
pub use nginx::Nginx;
pub use program::{Home, Running};
pub use site::{Answer, Site, Visit};
