//! Token classes of the second platform: an action on a type of resource. Five of the eight pairs are valid
//! (`docs/compatibility/spatial-studio.md#token-classes`).

use super::column;

column::named! {
    /// The action that a token allows.
    Action {
        ReadOnly = "read_only",
        ReadWrite = "read_write",
    }
}

column::named! {
    /// The type of resource that a token allows the action on.
    ResourceType {
        /// Streams of datasets: tiles and GeoJSON.
        DatasetStreaming = "dataset_streaming",
        /// Streams of datasets, and regenerating their tiles.
        DatasetStreamingRefreshing = "dataset_streaming_refreshing",
        /// Published projects that other pages embed.
        EmbeddedPublishedProject = "embedded_published_project",
        All = "all",
    }
}

/// A valid pair of action and resource type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenClass {
    action: Action,
    resource_type: ResourceType,
}

/// The pair is not one of the five valid ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this action does not go with this resourceType")]
pub struct InvalidPair;

impl TokenClass {
    /// The five valid pairs, least access first, each with its text for people.
    pub const ALL: [(Action, ResourceType, &'static str); 5] = [
        (Action::ReadOnly, ResourceType::DatasetStreaming, "Stream datasets: tiles and GeoJSON, nothing else"),
        (Action::ReadWrite, ResourceType::DatasetStreamingRefreshing, "Stream datasets and refresh their tiles"),
        (Action::ReadOnly, ResourceType::EmbeddedPublishedProject, "Show one's published projects in other pages"),
        (Action::ReadOnly, ResourceType::All, "Read everything"),
        (Action::ReadWrite, ResourceType::All, "Read and change everything"),
    ];

    /// Returns the class for a pair.
    ///
    /// # Errors
    /// [`InvalidPair`] when it is one of the three invalid pairs.
    pub fn new(action: Action, resource_type: ResourceType) -> Result<Self, InvalidPair> {
        let is_valid = Self::ALL.iter().any(|(a, r, _)| (*a, *r) == (action, resource_type));
        if is_valid { Ok(Self { action, resource_type }) } else { Err(InvalidPair) }
    }

    /// Returns the action that a token of this class allows.
    pub fn action(self) -> Action {
        self.action
    }

    /// Returns the type of resource that a token of this class allows the action on.
    pub fn resource_type(self) -> ResourceType {
        self.resource_type
    }

    /// Returns the text for people.
    pub fn in_words(self) -> &'static str {
        let found = Self::ALL.iter().find(|(a, r, _)| (*a, *r) == (self.action, self.resource_type));
        found.map_or("", |(_, _, words)| words)
    }

    /// Whether the class allows writing. People with the role `consumer` cannot have a token of such a class
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
