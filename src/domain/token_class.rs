//! The second platform's tokens: an action on a type of resource. Five pairs of eight are valid
//! (`docs/compatibility/spatial-studio.md#token-classes`).

use super::column;

column::named! {
    /// What may be done.
    Action {
        /// Read.
        ReadOnly = "read_only",
        /// Read and write.
        ReadWrite = "read_write",
    }
}

column::named! {
    /// To what.
    ResourceType {
        /// Streams of datasets: tiles and GeoJSON.
        DatasetStreaming = "dataset_streaming",
        /// The same, and refreshing their tiles.
        DatasetStreamingRefreshing = "dataset_streaming_refreshing",
        /// Published projects in other pages.
        EmbeddedPublishedProject = "embedded_published_project",
        /// Everything.
        All = "all",
    }
}

/// A valid pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenClass {
    action: Action,
    resource_type: ResourceType,
}

/// The pair is none of the five.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this action does not go with this resourceType")]
pub struct InvalidPair;

impl TokenClass {
    /// The five pairs, narrow ones first, with what a person reads.
    pub const ALL: [(Action, ResourceType, &'static str); 5] = [
        (Action::ReadOnly, ResourceType::DatasetStreaming, "Stream datasets: tiles and GeoJSON, nothing else"),
        (Action::ReadWrite, ResourceType::DatasetStreamingRefreshing, "Stream datasets and refresh their tiles"),
        (Action::ReadOnly, ResourceType::EmbeddedPublishedProject, "Show one's published projects in other pages"),
        (Action::ReadOnly, ResourceType::All, "Read everything"),
        (Action::ReadWrite, ResourceType::All, "Read and change everything"),
    ];

    /// The pair, if it is one of the five.
    ///
    /// # Errors
    /// [`InvalidPair`] for the other three.
    pub fn new(action: Action, resource_type: ResourceType) -> Result<Self, InvalidPair> {
        let is_valid = Self::ALL.iter().any(|(a, r, _)| (*a, *r) == (action, resource_type));
        if is_valid { Ok(Self { action, resource_type }) } else { Err(InvalidPair) }
    }

    /// What may be done.
    pub fn action(self) -> Action {
        self.action
    }

    /// To what.
    pub fn resource_type(self) -> ResourceType {
        self.resource_type
    }

    /// What a person reads.
    pub fn in_words(self) -> &'static str {
        let found = Self::ALL.iter().find(|(a, r, _)| (*a, *r) == (self.action, self.resource_type));
        found.map_or("", |(_, _, words)| words)
    }

    /// Whether it may write; people with the role of a consumer hold no such token
    /// (`docs/compatibility/spatial-studio.md#token-classes`).
    pub fn writes(self) -> bool {
        self.action == Action::ReadWrite
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_of_eight_pairs_are_valid() {
        let actions = [Action::ReadOnly, Action::ReadWrite];
        let types = [
            ResourceType::DatasetStreaming,
            ResourceType::DatasetStreamingRefreshing,
            ResourceType::EmbeddedPublishedProject,
            ResourceType::All,
        ];
        let valid: Vec<bool> =
            actions.iter().flat_map(|a| types.iter().map(|t| TokenClass::new(*a, *t).is_ok())).collect();
        assert_eq!(valid, [true, false, true, true, false, true, false, true]);
    }
}
