//! The words of a filter expression. Models libpcap's scanner.l.

/// A word or a sign.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// A name, a number, an address, a range.
    Word(String),
    /// `(`, `&&`, `!=`, `[`, …
    Sign(&'static str),
}

const SIGNS: [&str; 20] =
    ["&&", "||", "==", "!=", ">=", "<=", "<<", ">>", "(", ")", "[", "]", "!", "&", "|", "=", ">", "<", "+", "*"];

/// Takes an expression apart; the character that begins nothing, if there is one.
pub fn tokens(text: &str) -> Result<Vec<Token>, char> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    let mut inside = false;
    while let Some(first) = rest.chars().next() {
        // A backslash only says that a word is no keyword (`ip proto \icmp`).
        if first == '\\' {
            rest = &rest[1..];
            continue;
        }
        let colon = if inside && first == ':' { Some(":") } else { None };
        if let Some(sign) = colon.or_else(|| SIGNS.into_iter().find(|sign| rest.starts_with(sign))) {
            inside = (inside || sign == "[") && sign != "]";
            found.push(Token::Sign(sign));
            rest = rest[sign.len()..].trim_start();
            continue;
        }
        let in_word = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c) || (c == ':' && !inside);
        let len = rest.find(|c: char| !in_word(c)).unwrap_or(rest.len());
        if len == 0 {
            return Err(first);
        }
        found.push(Token::Word(rest[..len].to_owned()));
        rest = rest[len..].trim_start();
    }
    Ok(found)
}
