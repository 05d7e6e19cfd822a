//! The tokens of a template. Models `text/template/parse/lex.go`.

/// A token inside an action, or the text between actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text(String),
    Open,
    Close,
    Word(String),
    Field(String),
    Variable(String),
    Quoted(String),
    Character(String),
    Number(String),
    Dot,
    Pipe,
    Comma,
    Declare,
    Assign,
    LeftParen,
    RightParen,
    Space,
}

/// A token and the byte at which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub at: u32,
    pub kind: Kind,
}

/// Cuts a template into tokens; the error is its line and upstream's words.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, (u32, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut trims = false;
    while at < text.len() {
        let open = text[at..].find("{{").map(|i| at + i);
        let mut plain = &text[at..open.unwrap_or(text.len())];
        if trims {
            plain = plain.trim_start_matches(BLANKS);
        }
        let Some(open) = open else {
            push_text(&mut found, at, plain);
            break;
        };
        let mut inside = open + 2;
        if text[inside..].starts_with('-') && text[inside + 1..].starts_with(BLANKS) {
            plain = plain.trim_end_matches(BLANKS);
            inside += 2;
        }
        push_text(&mut found, at, plain);
        if text[inside..].trim_start_matches(BLANKS).starts_with("/*") {
            (at, trims) = comment(text, inside)?;
            continue;
        }
        found.push(Token { at: open as u32, kind: Kind::Open });
        (at, trims) = action(text, inside, &mut found)?;
    }
    Ok(found)
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

fn push_text(found: &mut Vec<Token>, at: usize, text: &str) {
    if !text.is_empty() {
        found.push(Token { at: at as u32, kind: Kind::Text(text.to_owned()) });
    }
}

/// The line, from 1, of a byte.
pub(super) fn line_of(text: &str, at: usize) -> u32 {
    1 + text[..at.min(text.len())].matches('\n').count() as u32
}

/// Skips a comment; where the text goes on, and whether its blanks are cut.
fn comment(text: &str, inside: usize) -> Result<(usize, bool), (u32, String)> {
    let fail = |words: &str| Err((line_of(text, inside), words.to_owned()));
    let Some(end) = text[inside..].find("*/").map(|i| inside + i + 2) else { return fail("unclosed comment") };
    if text[end..].starts_with("}}") {
        return Ok((end + 2, false));
    }
    if text[end..].starts_with(BLANKS) && text[end + 1..].starts_with("-}}") {
        return Ok((end + 4, true));
    }
    fail("comment ends before closing delimiter")
}

/// The tokens of one action; where the text goes on, and whether its blanks are cut.
fn action(text: &str, mut at: usize, found: &mut Vec<Token>) -> Result<(usize, bool), (u32, String)> {
    let begin = at;
    let mut depth = 0_u32;
    loop {
        let fail = |words: String| Err((line_of(text, at), words));
        let rest = &text[at..];
        let Some(c) = rest.chars().next() else {
            return Err((line_of(text, text.len().max(begin)), "unclosed action".into()));
        };
        let mut push = |kind| found.push(Token { at: at as u32, kind });
        let trimmed = rest.trim_start_matches(BLANKS);
        let trims = trimmed.starts_with("-}}") && trimmed.len() < rest.len();
        if trims || rest.starts_with("}}") {
            if depth > 0 {
                return fail("unclosed left paren".into());
            }
            push(Kind::Close);
            let end = if trims { text.len() - trimmed.len() + 3 } else { at + 2 };
            return Ok((end, trims));
        }
        let word_end = |from: usize| {
            from + text[from..].find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len() - from)
        };
        let end = match c {
            c if BLANKS.contains(&c) => {
                push(Kind::Space);
                text.len() - trimmed.len()
            }
            ':' if rest.starts_with(":=") => {
                push(Kind::Declare);
                at + 2
            }
            ':' => return fail("expected :=".into()),
            '=' => {
                push(Kind::Assign);
                at + 1
            }
            '|' => {
                push(Kind::Pipe);
                at + 1
            }
            ',' => {
                push(Kind::Comma);
                at + 1
            }
            '(' => {
                push(Kind::LeftParen);
                depth += 1;
                at + 1
            }
            ')' => {
                if depth == 0 {
                    return fail("unexpected right paren".into());
                }
                push(Kind::RightParen);
                depth -= 1;
                at + 1
            }
            '"' | '\'' | '`' => {
                let end = quoted_end(text, at)?;
                let body = text[at..end].to_owned();
                push(if c == '\'' { Kind::Character(body) } else { Kind::Quoted(body) });
                end
            }
            '.' if rest[1..].starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                let end = word_end(at + 1);
                push(Kind::Field(text[at + 1..end].to_owned()));
                end
            }
            '.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                push(Kind::Dot);
                at + 1
            }
            '$' => {
                let end = word_end(at + 1);
                push(Kind::Variable(text[at..end].to_owned()));
                end
            }
            '+' | '-' | '.' | '0'..='9' => {
                let length = rest[1..].find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '_'));
                let end = at + 1 + length.unwrap_or(rest.len() - 1);
                push(Kind::Number(text[at..end].to_owned()));
                end
            }
            c if c.is_alphabetic() || c == '_' => {
                let end = word_end(at);
                push(Kind::Word(text[at..end].to_owned()));
                end
            }
            c => return fail(format!("unrecognized character in action: U+{:04X} '{c}'", c as u32)),
        };
        at = end;
    }
}

/// Where a text or character in quotes ends.
fn quoted_end(text: &str, at: usize) -> Result<usize, (u32, String)> {
    let quote = text[at..].chars().next().expect("a quote stands here");
    let mut escaped = false;
    for (i, c) in text[at + 1..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            '\n' if quote != '`' => break,
            c if c == quote => return Ok(at + 1 + i + 1),
            _ => {}
        }
    }
    let what = match quote {
        '`' => "unterminated raw quoted string",
        '"' => "unterminated quoted string",
        _ => "unterminated character constant",
    };
    Err((line_of(text, at), what.to_owned()))
}
