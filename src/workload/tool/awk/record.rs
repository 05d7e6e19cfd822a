//! Records and their fields: how input is cut up.

use std::rc::Rc;

use crate::workload::tool::awk::fault::{Fault, Fuel};
use crate::workload::tool::awk::regex::Regex;
use crate::workload::tool::awk::value::Value;

/// What stands between the fields of a record.
#[derive(Clone, Debug)]
pub enum Separator {
    /// Blanks and line ends, which also stand at the ends without making a field.
    Blanks,
    /// Nothing: every character is a field.
    Nothing,
    /// A character, and with `true` also the end of a line.
    Char(char, bool),
    /// What a regular expression takes.
    Regex(Rc<Regex>),
}

impl Separator {
    /// The parts of a text.
    ///
    /// # Errors
    /// No steps are left.
    pub fn split<'a>(&self, text: &'a str, fuel: &mut Fuel) -> Result<Vec<&'a str>, Fault> {
        fuel.make(text.len())?;
        if text.is_empty() {
            return Ok(Vec::new());
        }
        Ok(match self {
            Separator::Blanks => text.split([' ', '\t', '\n']).filter(|part| !part.is_empty()).collect(),
            Separator::Nothing => text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]).collect(),
            Separator::Char(char, lines) => text.split(|c| c == *char || *lines && c == '\n').collect(),
            Separator::Regex(regex) => {
                let (mut parts, mut from, mut look) = (Vec::new(), 0, 0);
                while let Some((start, end)) = regex.find(text, look, fuel)? {
                    if start == end {
                        // Nothing is no separator: look on after the next character.
                        let Some(c) = text[start..].chars().next() else { break };
                        look = start + c.len_utf8();
                        continue;
                    }
                    parts.push(&text[from..start]);
                    (from, look) = (end, end);
                }
                parts.push(&text[from..]);
                parts
            }
        })
    }
}

/// A record. Its fields are cut when somebody asks for one, and its text is put together when somebody asks for it.
#[derive(Clone, Debug)]
pub struct Record {
    text: Rc<str>,
    fields: Vec<Value>,
    /// What separates the fields; `None` once they are cut.
    uncut: Option<Separator>,
    /// Whether a field was assigned to since the text was put together.
    stale: bool,
}

impl Record {
    /// A record of a text.
    pub fn new(text: Rc<str>, separator: Separator) -> Record {
        Record { text, fields: Vec::new(), uncut: Some(separator), stale: false }
    }

    fn cut(&mut self, fuel: &mut Fuel) -> Result<(), Fault> {
        if let Some(separator) = self.uncut.take() {
            self.fields = separator.split(&self.text, fuel)?.into_iter().map(Value::input).collect();
            fuel.spend(self.fields.len())?;
        }
        Ok(())
    }

    /// How many fields there are.
    ///
    /// # Errors
    /// No steps are left.
    pub fn count(&mut self, fuel: &mut Fuel) -> Result<usize, Fault> {
        self.cut(fuel)?;
        Ok(self.fields.len())
    }

    /// Makes it have so many fields.
    ///
    /// # Errors
    /// No steps are left.
    pub fn set_count(&mut self, count: usize, fuel: &mut Fuel) -> Result<(), Fault> {
        self.cut(fuel)?;
        fuel.spend(count)?;
        self.fields.resize_with(count, || Value::input(""));
        self.stale = true;
        Ok(())
    }

    /// A field that is not the whole record; empty if it is not there.
    ///
    /// # Errors
    /// No steps are left.
    pub fn field(&mut self, number: usize, fuel: &mut Fuel) -> Result<Value, Fault> {
        self.cut(fuel)?;
        Ok(number.checked_sub(1).and_then(|index| self.fields.get(index)).cloned().unwrap_or_default())
    }

    /// Replaces a field that is not the whole record; those before it are made if they are not there.
    ///
    /// # Errors
    /// No steps are left.
    pub fn set_field(&mut self, number: usize, value: Value, fuel: &mut Fuel) -> Result<(), Fault> {
        self.cut(fuel)?;
        if number > self.fields.len() {
            self.set_count(number, fuel)?;
        }
        if let Some(field) = number.checked_sub(1).and_then(|index| self.fields.get_mut(index)) {
            *field = value;
        }
        self.stale = true;
        Ok(())
    }

    /// The whole, put together with `OFS` if a field was assigned to; numbers are written as `format` says.
    ///
    /// # Errors
    /// No steps are left.
    pub fn whole(&mut self, ofs: &str, format: &str, fuel: &mut Fuel) -> Result<Rc<str>, Fault> {
        if self.stale {
            let fields: Vec<Rc<str>> = self.fields.iter().map(|field| field.text(format)).collect();
            let text = fields.join(ofs);
            fuel.make(text.len())?;
            self.text = text.into();
            self.stale = false;
        }
        Ok(self.text.clone())
    }
}

/// What ends a record.
#[derive(Clone, Debug)]
pub enum End {
    /// A character.
    Char(char),
    /// Empty lines.
    Paragraph,
    /// What a regular expression takes.
    Regex(Rc<Regex>),
}

/// A file that is read.
#[derive(Clone, Debug, Default)]
pub struct Input {
    text: String,
    at: usize,
}

impl Input {
    /// At the beginning of a file.
    pub fn new(bytes: &[u8]) -> Input {
        Input { text: String::from_utf8_lossy(bytes).into_owned(), at: 0 }
    }

    /// The next record.
    ///
    /// # Errors
    /// No steps are left.
    pub fn record(&mut self, end: &End, fuel: &mut Fuel) -> Result<Option<Rc<str>>, Fault> {
        if matches!(end, End::Paragraph) {
            self.at += self.text[self.at..].len() - self.text[self.at..].trim_start_matches('\n').len();
        }
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let (length, skip) = match end {
            End::Char(c) => rest.find(*c).map_or((rest.len(), 0), |at| (at, c.len_utf8())),
            End::Paragraph => match rest.find("\n\n") {
                Some(at) => (at, rest[at..].len() - rest[at..].trim_start_matches('\n').len()),
                None => (rest.trim_end_matches('\n').len(), rest.len()),
            },
            End::Regex(regex) => match regex.find(rest, 0, fuel)? {
                Some((start, end)) if end > start => (start, end - start),
                _ => (rest.len(), 0),
            },
        };
        let record: Rc<str> = rest[..length].into();
        self.at = (self.at + length + skip).min(self.text.len());
        fuel.make(record.len())?;
        Ok(Some(record))
    }
}
