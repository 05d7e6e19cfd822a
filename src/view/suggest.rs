//! What could stand at the cursor of the editor, and what is known of a field.

use serde::{Deserialize, Serialize};

/// What could stand at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuggestView {
    /// So many characters of the line stay; what is between them and the cursor is replaced.
    pub from: u32,
    /// In order.
    pub options: Vec<Suggestion>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The field or the word.
    pub label: String,
    /// What is put in: what was looked for, and what leads on from it.
    pub insert: String,
    /// The type of a field; the version of a kind.
    pub detail: String,
    /// Whether the field must be there.
    pub required: bool,
}

/// A field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownField {
    /// Where it is: `spec.template.spec.containers.image`.
    pub path: String,
    /// Upstream's name of what it is a field of: `Container`.
    pub of: String,
    /// Its name.
    pub name: String,
    /// Its type, as kubectl explain writes it.
    pub ty: String,
    /// Whether it must be there.
    pub required: bool,
    /// What it takes, where that is said.
    pub values: Vec<String>,
}
