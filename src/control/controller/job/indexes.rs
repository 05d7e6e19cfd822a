//! Sets of completion indexes and their text, `0,2-4`. Models `pkg/controller/job/indexed_job_utils.go`.

use crate::api::Pod;
use crate::sim::VecSet;

/// The annotation and label of a pod's index.
pub const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The index of a pod.
pub fn of(pod: &Pod) -> Option<i32> {
    pod.metadata.annotations.get(INDEX)?.parse().ok()
}

/// Reads `0,2-4`; what is not below `completions` is left out.
pub fn parse(text: &str, completions: i32) -> VecSet<i32> {
    let mut found = VecSet::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (Ok(from), Ok(to)) = (from.parse::<i32>(), to.parse::<i32>()) else { continue };
        found.extend(from..=to.min(completions - 1));
    }
    found
}

/// Writes `0,2-4`: two in a row are told apart, more are a range.
pub fn text(indexes: &VecSet<i32>) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = indexes.iter().copied().peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while rest.peek() == Some(&(last + 1)) {
            last += 1;
            rest.next();
        }
        parts.push(match last - first {
            0 => first.to_string(),
            1 => format!("{first},{last}"),
            _ => format!("{first}-{last}"),
        });
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_read_as_they_are_written() {
        for words in ["", "0", "0,1", "0,2-4", "1-3,5,6,8"] {
            assert_eq!(text(&parse(words, 100)), words);
        }
        assert_eq!(text(&parse("0-9", 3)), "0-2");
    }
}
