//! The words of a check, read one after the other; what is wrong has its column.

use crate::cluster::scenario::parse_span;
use crate::lesson::check::objects::Relation;
use crate::lesson::path::Path;
use crate::lesson::said::Said;
use crate::sim::{Span, VecMap};

/// Labels that an object or a pod must have.
pub(super) type Labels = VecMap<String, String>;

/// A line is no check; says which words are at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckError {
    /// The column of the words, from 1.
    pub column: u32,
    /// What is wrong with them.
    pub what: Said,
}

/// The words of a line that are still to be read.
pub(super) struct Words<'t> {
    line: &'t str,
    rest: &'t str,
}

impl<'t> Words<'t> {
    pub(super) fn of(line: &'t str) -> Words<'t> {
        Words { line, rest: line.trim_start() }
    }

    pub(super) fn peek(&self) -> Option<&'t str> {
        self.rest.split_whitespace().next()
    }

    /// A fault of the word that is next, or of the end of the line.
    pub(super) fn error(&self, what: Said) -> CheckError {
        let before = &self.line[..self.line.len() - self.rest.len()];
        CheckError { column: u32::try_from(before.chars().count()).unwrap_or(u32::MAX).saturating_add(1), what }
    }

    fn skip(&mut self, word: &str) {
        self.rest = self.rest[word.len()..].trim_start();
    }

    pub(super) fn take(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        if found {
            self.skip(word);
        }
        found
    }

    /// What would be right is missing here.
    pub(super) fn missing(&self, [en, zh]: [&str; 2]) -> CheckError {
        self.error(Said::of(format!("{en} is missing"), format!("缺少{zh}")))
    }

    /// The next word as `read` reads it; `what` says in both languages what would be right.
    pub(super) fn read<T>(&mut self, what: [&str; 2], read: impl Fn(&'t str) -> Option<T>) -> Result<T, CheckError> {
        let word = self.peek().ok_or_else(|| self.missing(what))?;
        let [en, zh] = what;
        let wrong = || self.error(Said::of(format!("{word:?} is not {en}"), format!("{word:?} 不是{zh}")));
        let value = read(word).ok_or_else(wrong)?;
        self.skip(word);
        Ok(value)
    }

    pub(super) fn next(&mut self, what: [&str; 2]) -> Result<&'t str, CheckError> {
        self.read(what, Some)
    }

    pub(super) fn span(&mut self) -> Result<Span, CheckError> {
        self.read(["a time such as 30s", "时长（如 30s）"], parse_span)
    }

    pub(super) fn relation(&mut self) -> Result<Relation, CheckError> {
        self.read(["one of = != >= <= > < ~", "比较符（= != >= <= > < ~ 之一）"], Relation::parse)
    }

    pub(super) fn path(&mut self) -> Result<Path, CheckError> {
        self.read(["a path such as .spec.replicas", "路径（如 .spec.replicas）"], Path::parse)
    }

    pub(super) fn number(&mut self) -> Result<u64, CheckError> {
        self.read(["a number", "数字"], |word| word.parse().ok())
    }

    pub(super) fn labels(&mut self) -> Result<Labels, CheckError> {
        self.read(["labels such as app=web", "标签（如 app=web）"], labels)
    }
}

fn labels(text: &str) -> Option<Labels> {
    text.split(',').map(|pair| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()))).collect()
}
