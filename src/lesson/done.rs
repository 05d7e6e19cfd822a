//! What of the lessons is done, as text that can be carried from one browser to another.
//!
//! ```text
//! kubarium lessons 1
//! pods 4
//! services 2
//! ```

use crate::sim::VecMap;

/// How many steps of each lesson are done.
pub type Done = VecMap<String, u16>;

/// The first line: what it is, and which form of it.
const HEAD: &str = "kubarium lessons 1";
/// The most that is read: far more than there are lessons.
const LONGEST: usize = 64 * 1024;

/// As text.
pub fn write(done: &Done) -> String {
    let lines: Vec<String> = done.iter().map(|(id, steps)| format!("{id} {steps}\n")).collect();
    format!("{HEAD}\n{}", lines.concat())
}

/// Reads the text; `None` if it is no such text. What lessons there are is not its business.
pub fn read(text: &str) -> Option<Done> {
    let text = text.get(..LONGEST.min(text.len())).filter(|part| part.len() == text.len())?;
    let mut lines = text.lines();
    if lines.next()?.trim() != HEAD {
        return None;
    }
    let pair =
        |line: &str| line.split_once(' ').and_then(|(id, steps)| Some((id.to_owned(), steps.trim().parse().ok()?)));
    lines.filter(|line| !line.trim().is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_anything_else_refused() {
        let done = Done::from([("pods".to_owned(), 4), ("etcd".to_owned(), 2)]);
        assert_eq!(read(&write(&done)), Some(done));
        for text in
            ["", "pods 4", "kubarium lessons 2\npods 4", "kubarium lessons 1\npods four", "kubarium lessons 1\npods -1"]
        {
            assert_eq!(read(text), None, "{text:?}");
        }
        assert_eq!(read(&format!("{HEAD}\n{}", "pods 4\n".repeat(10_000))), None, "too long");
    }
}
