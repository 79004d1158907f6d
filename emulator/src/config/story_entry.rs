//! A story that is told from the start.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::story::Story;

/// A story that is told once: what it has in a content type, when that is subscribed for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoryEntry {
    /// The story.
    pub story: Story,
    /// The tenant that it happens in; without one, in each.
    #[serde(default)]
    pub tenant: Option<Uuid>,
}
