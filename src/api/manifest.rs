//! Manifests: YAML and JSON text.

use serde_json::Value;

/// The JSON form of one YAML document.
///
/// # Errors
/// It does not parse.
pub fn to_value(text: &str) -> Result<Value, serde_yaml::Error> {
    serde_yaml::from_str(text)
}
