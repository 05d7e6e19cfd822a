//! A line of the terminal: words with POSIX quoting, and one here-document as standard input; and where lines end in a text
//! of several.

/// A line that is complete.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// The words, unquoted.
    pub words: Vec<String>,
    /// The here-document, if there is one.
    pub stdin: Option<String>,
}

/// Why a text is not a complete line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineError {
    /// More text must follow: an open quote, a here-document without its end, a backslash at the end.
    Incomplete,
    /// A construct that this terminal does not have (`|`, `>`, `&`, `;`).
    Unsupported(String),
}

impl std::fmt::Display for LineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LineError::Incomplete => f.write_str("unexpected end of the line"),
            LineError::Unsupported(what) => write!(
                f,
                "sh: {what:?} is not supported in this terminal; quote it, or run it inside a pod or node with sh -c '…'"
            ),
        }
    }
}

/// Reads a text of one line, or of several when a here-document or an open quote spans them.
///
/// # Errors
/// [`LineError::Incomplete`] if more text must follow; the caller asks for it and tries again.
pub fn parse(text: &str) -> Result<Line, LineError> {
    let (line, operators) = read(text)?;
    match operators.first() {
        Some((_, operator)) => Err(LineError::Unsupported(operator.to_string())),
        None => Ok(line),
    }
}

/// Where, in bytes, a text has operators that are not quoted, and which: `|`, `>`, `&`, `;`, brackets, backquotes.
///
/// # Errors
/// As [`parse`], but for those of operators.
pub fn operators(text: &str) -> Result<Vec<(usize, char)>, LineError> {
    read(text).map(|(_, operators)| operators)
}

fn read(text: &str) -> Result<(Line, Vec<(usize, char)>), LineError> {
    let mut reader = Reader { rest: text.chars().collect(), at: 0 };
    let (mut words, mut operators) = (Vec::new(), Vec::new());
    let mut heredoc = None;
    while let Some(c) = reader.skip_blanks()? {
        match c {
            '#' => reader.skip_line(),
            '\n' => {
                reader.at += 1;
                break;
            }
            '<' => heredoc = Some(reader.heredoc_end()?),
            '|' | '>' | '&' | ';' | '(' | ')' | '`' => {
                operators.push((reader.rest[..reader.at].iter().map(|c| c.len_utf8()).sum(), c));
                reader.at += 1;
            }
            _ => words.push(reader.word()?),
        }
    }
    let stdin = heredoc.map(|(end, dedent)| reader.heredoc(&end, dedent)).transpose()?;
    Ok((Line { words, stdin }, operators))
}

/// Whether no more text must follow.
pub fn is_complete(text: &str) -> bool {
    parse(text) != Err(LineError::Incomplete)
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

struct Reader {
    rest: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += 1;
        c
    }

    /// Skips spaces and continued line ends; the first character after them.
    fn skip_blanks(&mut self) -> Result<Option<char>, LineError> {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => self.at += 1,
                Some('\\') if self.rest.get(self.at + 1) == Some(&'\n') => self.go_on_after_break()?,
                c => return Ok(c),
            }
        }
    }

    /// At a backslash before a line end: the line goes on in the next one.
    fn go_on_after_break(&mut self) -> Result<(), LineError> {
        self.at += 2;
        if self.at < self.rest.len() { Ok(()) } else { Err(LineError::Incomplete) }
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.at += 1;
        }
    }

    /// One word, to the next blank, line end or operator.
    fn word(&mut self) -> Result<String, LineError> {
        let mut word = String::new();
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | '|' | '>' | '<' | ';' | '&' => break,
                '\'' => self.single_quoted(&mut word)?,
                '"' => self.double_quoted(&mut word)?,
                '\\' if self.rest.get(self.at + 1) == Some(&'\n') => self.go_on_after_break()?,
                '\\' => {
                    self.at += 1;
                    word.push(self.next().ok_or(LineError::Incomplete)?);
                }
                c => {
                    self.at += 1;
                    word.push(c);
                }
            }
        }
        Ok(word)
    }

    fn single_quoted(&mut self, word: &mut String) -> Result<(), LineError> {
        self.at += 1;
        loop {
            match self.next().ok_or(LineError::Incomplete)? {
                '\'' => return Ok(()),
                c => word.push(c),
            }
        }
    }

    fn double_quoted(&mut self, word: &mut String) -> Result<(), LineError> {
        self.at += 1;
        loop {
            match self.next().ok_or(LineError::Incomplete)? {
                '"' => return Ok(()),
                '\\' => match self.next().ok_or(LineError::Incomplete)? {
                    c @ ('"' | '\\' | '$' | '`') => word.push(c),
                    '\n' => {}
                    c => word.extend(['\\', c]),
                },
                c => word.push(c),
            }
        }
    }

    /// After `<`: the word that ends the here-document, and whether leading tabs are dropped.
    fn heredoc_end(&mut self) -> Result<(String, bool), LineError> {
        self.at += 1;
        if self.next() != Some('<') {
            return Err(LineError::Unsupported("<".into()));
        }
        let dedent = self.peek() == Some('-');
        if dedent {
            self.at += 1;
        }
        self.skip_blanks()?.ok_or(LineError::Incomplete)?;
        Ok((self.word()?, dedent))
    }

    /// The lines up to `end`.
    fn heredoc(&mut self, end: &str, dedent: bool) -> Result<String, LineError> {
        let text: String = self.rest[self.at.min(self.rest.len())..].iter().collect();
        let mut body = String::new();
        for line in text.lines() {
            let line = if dedent { line.trim_start_matches('\t') } else { line };
            if line == end {
                return Ok(body);
            }
            body.push_str(line);
            body.push('\n');
        }
        Err(LineError::Incomplete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, words: &[&str], stdin: Option<&str>) {
        let line = Line { words: words.iter().map(|w| (*w).to_owned()).collect(), stdin: stdin.map(str::to_owned) };
        assert_eq!(parse(text), Ok(line), "{text}");
    }

    #[test]
    fn words_are_split_and_unquoted() {
        check("kubectl get  pods", &["kubectl", "get", "pods"], None);
        check(r#"a 'b c' "d \"e\"" f\ g '' # h"#, &["a", "b c", "d \"e\"", "f g", ""], None);
        check("a \\\n b", &["a", "b"], None);
        check("", &[], None);
    }

    #[test]
    fn a_here_document_is_standard_input() {
        check("k apply -f - <<'EOF'\nkind: Pod\n  x\nEOF\n", &["k", "apply", "-f", "-"], Some("kind: Pod\n  x\n"));
        check("cat <<-E -n\n\ta\n\tE", &["cat", "-n"], Some("a\n"));
    }

    #[test]
    fn a_text_is_cut_where_its_lines_are_complete() {
        let text = "a \\\n  b\n\ncat <<-'E' -n\n\tx\n\n\tE\nc 'd\ne'\n# it's\nf <<G\ng\n";
        let lines: Vec<(u32, String)> = split(text);
        let expected = ["a \\\n  b", "cat <<-'E' -n\n\tx\n\n\tE", "c 'd\ne'", "# it's", "f <<G\ng"];
        assert_eq!(lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>(), expected);
        assert_eq!(lines.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [0, 3, 7, 9, 10]);
        assert_eq!(split("\n \n"), []);
    }

    #[test]
    fn what_is_open_wants_more_and_what_is_missing_says_so() {
        for text in ["echo 'a", "echo \"a", "cat <<EOF\nx", "a \\", "a \\\n", "a\\\n"] {
            assert_eq!(parse(text), Err(LineError::Incomplete), "{text}");
        }
        assert_eq!(parse("a | b"), Err(LineError::Unsupported("|".into())));
        assert_eq!(parse("a <b"), Err(LineError::Unsupported("<".into())));
    }
}
