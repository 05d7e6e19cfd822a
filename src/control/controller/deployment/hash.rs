//! The pod template hash.
//!
//! Models `ComputeHash` of `pkg/controller/controller_utils.go` and `SafeEncodeString`. Upstream hashes a dump of Go's
//! struct of its release, which cannot be reproduced without it; here the template's canonical JSON is hashed with the same
//! FNV-1a, so hashes have the same alphabet and length but other values.

use crate::api::PodTemplateSpec;

/// The label and annotation of the hash.
pub const LABEL: &str = "pod-template-hash";
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The hash of a template: `7b46c4b544`.
pub fn of(template: &PodTemplateSpec, collisions: Option<i32>) -> String {
    let text = serde_json::to_vec(template).expect("API structs have JSON forms: their keys are texts");
    let mut hash: u32 = 0x811c_9dc5;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    };
    add(&text);
    if let Some(collisions) = collisions {
        add(&u64::from(u32::try_from(collisions).unwrap_or(0)).to_le_bytes());
    }
    let digits = hash.to_string();
    digits.bytes().map(|digit| char::from(ALPHABET[usize::from(digit) % ALPHABET.len()])).collect()
}

/// Whether two templates are the same but for the label of the hash (`EqualIgnoreHash`).
pub fn same_template(a: &PodTemplateSpec, b: &PodTemplateSpec) -> bool {
    if a.spec != b.spec {
        return false;
    }
    let without = |template: &PodTemplateSpec| {
        let mut metadata = template.metadata.clone();
        metadata.labels.remove(LABEL);
        metadata
    };
    without(a) == without(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_made_of_ten_letters_and_differs_with_the_template_and_collisions() {
        let template = PodTemplateSpec::default();
        let mut other = template.clone();
        other.metadata.labels.insert("app".into(), "web".into());
        let hash = of(&template, None);
        assert!(hash.len() <= 10 && hash.chars().all(|c| "456789bcdf".contains(c)), "{hash}");
        assert_eq!(of(&template, None), hash);
        assert_ne!(of(&other, None), hash);
        assert_ne!(of(&template, Some(1)), hash);
        assert!(!same_template(&template, &other));
    }
}
