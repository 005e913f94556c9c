//! Who the table of addresses says may call them.

/// Who may call an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Anybody,
    /// A client that authenticates.
    Client,
    /// Whoever holds a token.
    Token,
    /// A signed-in person.
    Person,
    /// A program without credentials; a cookie means nothing here.
    Program,
    /// A page of ours that a signed-in person has open: JSON, where a page would be.
    Session,
}
