//! The sample app and the sample API of `gatepost demo`.
