//! Everything that a journey needs: a server, a browser, and third parties on other ports.

mod app;
mod browser;
mod chromium;
#[path = "../../it/harness/dice.rs"]
mod dice;
#[path = "../../it/harness/email.rs"]
mod email;
mod emails;
mod factors;
mod gatepost;
mod keyboard;
mod nginx;
mod program;
mod site;
mod token_holders;

pub use app::{App, STATE};
pub use browser::{Browser, ENTER, TAB, with_and_without_scripts};
pub use dice::{Dice, seeds};
pub use email::ReceivedEmail;
pub use emails::digits;
pub use factors::{Factors, code, next_code};
pub use gatepost::{Gatepost, PASSWORD, try_token};
pub use keyboard::{DOWN, SPACE};
pub use nginx::Nginx;
pub use program::{Home, Running};
pub use site::{Answer, Site, Visit};
