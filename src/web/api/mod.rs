//! Doors for programs on the same rules that the pages and OAuth use.

pub mod account;
pub mod bearer;
