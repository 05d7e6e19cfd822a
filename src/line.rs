//! Where the lines of the terminal end: a line is what its shell can run, which may span several of a text (an open quote, a
//! here-document, a loop).

use crate::workload::shell;

/// Whether no more text must follow.
pub fn is_complete(text: &str) -> bool {
    // What goes on behind a backslash in a comment does not.
    let goes_on = text.trim_end_matches('\n').ends_with('\\') && !text.trim_start().starts_with('#');
    !goes_on && !shell::is_open(text)
}

/// Cuts a text into complete lines, each with the number, from 0, of the text's line where it begins. Empty ones are left
/// out; the last may not be complete.
pub fn split(text: &str) -> Vec<(u32, String)> {
    let mut lines = Vec::new();
    let (mut open, mut began) = (String::new(), 0);
    for (line, n) in text.lines().zip(0_u32..) {
        if open.is_empty() {
            began = n;
        }
        open.push_str(line);
        open.push('\n');
        if is_complete(&open) {
            lines.push((began, std::mem::take(&mut open)));
        }
    }
    lines.push((began, open));
    for (_, line) in &mut lines {
        line.truncate(line.trim_end_matches('\n').len());
    }
    lines.retain(|(_, line)| !line.trim().is_empty());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_its_lines_are_complete() {
        let text = "a \\\n  b\n\ncat <<-'E' -n\n\tx\n\n\tE\nc 'd\ne'\n# it's\nfor i in 1\ndo x\ndone\nf <<G\ng\n";
        let lines: Vec<(u32, String)> = split(text);
        let expected =
            ["a \\\n  b", "cat <<-'E' -n\n\tx\n\n\tE", "c 'd\ne'", "# it's", "for i in 1\ndo x\ndone", "f <<G\ng"];
        assert_eq!(lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>(), expected);
        assert_eq!(lines.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [0, 3, 7, 9, 10, 13]);
        assert_eq!(split("\n \n"), []);
    }

    #[test]
    fn what_is_open_wants_more() {
        for text in
            ["echo 'a", "echo \"a", "cat <<EOF\nx\n", "a \\", "a \\\n", "a |", "a &&", "if a; then", "(a", "x=$(a"]
        {
            assert!(!is_complete(text), "{text}");
        }
        for text in ["a", "", "a; b", "a | b", "done", "a )", "# \\", "cat <<EOF\nx\nEOF\n"] {
            assert!(is_complete(text), "{text}");
        }
    }
}
