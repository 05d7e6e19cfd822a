//! What is wrong with a text that is no JSON, in Go's words. Models `encoding/json/scanner.go`.

/// Go's nesting limit.
const DEEPEST: usize = 10_000;

/// The first thing that is wrong: `invalid character 'x' looking for beginning of value`; `None` for a JSON text.
pub fn syntax_error(text: &[u8]) -> Option<String> {
    let mut scanner = Scanner { text, at: 0 };
    match scanner.document() {
        Ok(()) => None,
        Err(Wrong::End) => Some("unexpected end of JSON input".into()),
        Err(Wrong::Depth) => Some("exceeded max depth".into()),
        Err(Wrong::At(byte, place)) => Some(format!("invalid character {} {place}", quoted_byte(byte))),
    }
}

enum Wrong {
    End,
    Depth,
    At(u8, String),
}

/// What a value is in.
#[derive(Clone, Copy, PartialEq)]
enum In {
    Object,
    Array,
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), Wrong> {
        let mut around = Vec::new();
        loop {
            // A value, or the beginning of one.
            if let Some(inside) = self.value()? {
                if around.len() == DEEPEST {
                    return Err(Wrong::Depth);
                }
                let close = if inside == In::Object { b'}' } else { b']' };
                if self.seen()? != close {
                    if inside == In::Object {
                        self.key()?;
                    }
                    around.push(inside);
                    continue;
                }
                self.at += 1;
            }
            // What may follow a value.
            loop {
                match around.last() {
                    None => {
                        return match self.seen() {
                            Ok(byte) => Err(Wrong::At(byte, "after top-level value".into())),
                            Err(_) => Ok(()),
                        };
                    }
                    Some(inside) => match (self.seen()?, inside) {
                        (b',', inside) => {
                            self.at += 1;
                            if *inside == In::Object {
                                self.key()?;
                            }
                            break;
                        }
                        (b'}', In::Object) | (b']', In::Array) => {
                            self.at += 1;
                            around.pop();
                        }
                        (byte, In::Object) => return Err(Wrong::At(byte, "after object key:value pair".into())),
                        (byte, In::Array) => return Err(Wrong::At(byte, "after array element".into())),
                    },
                }
            }
        }
    }

    /// Reads a scalar, or the bracket of something larger.
    fn value(&mut self) -> Result<Option<In>, Wrong> {
        let byte = self.seen()?;
        self.at += 1;
        match byte {
            b'{' => return Ok(Some(In::Object)),
            b'[' => return Ok(Some(In::Array)),
            b'"' => self.string()?,
            b'-' | b'0'..=b'9' => self.number(byte)?,
            b't' => self.literal("true")?,
            b'f' => self.literal("false")?,
            b'n' => self.literal("null")?,
            byte => return Err(Wrong::At(byte, "looking for beginning of value".into())),
        }
        Ok(None)
    }

    fn key(&mut self) -> Result<(), Wrong> {
        match self.seen()? {
            b'"' => self.at += 1,
            byte => return Err(Wrong::At(byte, "looking for beginning of object key string".into())),
        }
        self.string()?;
        match self.seen()? {
            b':' => self.at += 1,
            byte => return Err(Wrong::At(byte, "after object key".into())),
        }
        Ok(())
    }

    /// The rest of a string, whose first quote is read.
    fn string(&mut self) -> Result<(), Wrong> {
        loop {
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => match self.next()? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let byte = self.next()?;
                            if !byte.is_ascii_hexdigit() {
                                return Err(Wrong::At(byte, "in \\u hexadecimal character escape".into()));
                            }
                        }
                    }
                    byte => return Err(Wrong::At(byte, "in string escape code".into())),
                },
                byte @ ..0x20 => return Err(Wrong::At(byte, "in string literal".into())),
                _ => {}
            }
        }
    }

    /// The rest of a number, whose first byte is read.
    fn number(&mut self, first: u8) -> Result<(), Wrong> {
        let first = if first == b'-' { self.digit("in numeric literal")? } else { first };
        if first != b'0' {
            self.digits();
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digit("after decimal point in numeric literal")?;
            self.digits();
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.text.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digit("in exponent of numeric literal")?;
            self.digits();
        }
        Ok(())
    }

    fn digit(&mut self, place: &str) -> Result<u8, Wrong> {
        match self.next()? {
            byte @ b'0'..=b'9' => Ok(byte),
            byte => Err(Wrong::At(byte, place.into())),
        }
    }

    fn digits(&mut self) {
        self.at += self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    }

    /// The rest of a word, whose first letter is read.
    fn literal(&mut self, word: &str) -> Result<(), Wrong> {
        for want in word.bytes().skip(1) {
            let byte = self.next()?;
            if byte != want {
                return Err(Wrong::At(byte, format!("in literal {word} (expecting {})", quoted_byte(want))));
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<u8, Wrong> {
        let byte = *self.text.get(self.at).ok_or(Wrong::End)?;
        self.at += 1;
        Ok(byte)
    }

    /// The next byte that is no white space; it is not read yet.
    fn seen(&mut self) -> Result<u8, Wrong> {
        let blank = |byte: &&u8| matches!(**byte, b' ' | b'\t' | b'\r' | b'\n');
        self.at += self.text[self.at..].iter().take_while(blank).count();
        self.text.get(self.at).copied().ok_or(Wrong::End)
    }
}

/// A byte between single quotes, as Go writes it (`quoteChar`).
fn quoted_byte(byte: u8) -> String {
    let inside = match byte {
        b'\'' => "\\'".into(),
        b'\\' => "\\\\".into(),
        b'\n' => "\\n".into(),
        b'\r' => "\\r".into(),
        b'\t' => "\\t".into(),
        0x07 => "\\a".into(),
        0x08 => "\\b".into(),
        0x0b => "\\v".into(),
        0x0c => "\\f".into(),
        ..b' ' | 0x7f => format!("\\x{byte:02x}"),
        // As a character it would not be seen.
        0x80..=0xa0 | 0xad => format!("\\u{byte:04x}"),
        byte => char::from(byte).to_string(),
    };
    format!("'{inside}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_as_go_tells_it() {
        for (text, words) in [
            ("", "unexpected end of JSON input"),
            ("{\"a\":", "unexpected end of JSON input"),
            ("\"a", "unexpected end of JSON input"),
            ("-", "unexpected end of JSON input"),
            ("x", "invalid character 'x' looking for beginning of value"),
            ("{a", "invalid character 'a' looking for beginning of object key string"),
            ("{\"a\" 1", "invalid character '1' after object key"),
            ("{\"a\":1 \"b\"", "invalid character '\"' after object key:value pair"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("{} {", "invalid character '{' after top-level value"),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            ("\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"),
            ("-a", "invalid character 'a' in numeric literal"),
            ("1.a", "invalid character 'a' after decimal point in numeric literal"),
            ("1e+a", "invalid character 'a' in exponent of numeric literal"),
            ("01", "invalid character '1' after top-level value"),
            ("tRue", "invalid character 'R' in literal true (expecting 'r')"),
            ("'a'", "invalid character '\\'' looking for beginning of value"),
            ("\u{e9}", "invalid character 'Ã' looking for beginning of value"),
        ] {
            assert_eq!(syntax_error(text.as_bytes()).as_deref(), Some(words), "{text}");
        }
        for text in ["{}", " [] ", "[1, -0.5e-3, \"\\u00e9\", {\"a\": [null, true, false]}]\n", "0"] {
            assert_eq!(syntax_error(text.as_bytes()), None, "{text}");
        }
        assert_eq!(syntax_error(&[b'['; 20_000]).as_deref(), Some("exceeded max depth"));
    }
}
