//! `[[ … ]]`: conditions whose words are neither split nor taken for patterns of files. Models bash's.

use regex_lite::Regex;

use crate::workload::Fs;
use crate::workload::fs::{Device, Right};
use crate::workload::shell::expand::matches;

/// A word or an operator of a condition, expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A word, and whether it was quoted.
    Word(String, bool),
    /// `&&`, `||`, `(`, `)`, `<`, `>`.
    Operator(&'static str),
}

struct Condition<'a> {
    pieces: &'a [Piece],
    at: usize,
    fs: &'a Fs,
    cwd: &'a str,
}

/// Whether a condition holds.
///
/// # Errors
/// It makes no sense; the words are bash's.
pub fn holds(pieces: &[Piece], fs: &Fs, cwd: &str) -> Result<bool, String> {
    let mut condition = Condition { pieces, at: 0, fs, cwd };
    let value = condition.or()?;
    match condition.pieces.get(condition.at) {
        None => Ok(value),
        Some(piece) => Err(near(piece)),
    }
}

fn near(piece: &Piece) -> String {
    let text = match piece {
        Piece::Word(text, _) => text.as_str(),
        Piece::Operator(text) => text,
    };
    format!("syntax error in conditional expression: unexpected token `{text}'")
}

impl Condition<'_> {
    fn takes(&mut self, operator: &str) -> bool {
        let found = matches!(self.pieces.get(self.at), Some(Piece::Operator(text)) if *text == operator);
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<bool, String> {
        let mut value = self.and()?;
        while self.takes("||") {
            value |= self.and()?;
        }
        Ok(value)
    }

    fn and(&mut self) -> Result<bool, String> {
        let mut value = self.not()?;
        while self.takes("&&") {
            value &= self.not()?;
        }
        Ok(value)
    }

    fn not(&mut self) -> Result<bool, String> {
        if matches!(self.pieces.get(self.at), Some(Piece::Word(text, false)) if text == "!") {
            self.at += 1;
            return Ok(!self.not()?);
        }
        if self.takes("(") {
            let value = self.or()?;
            if !self.takes(")") {
                return Err("syntax error in conditional expression: expected `)'".into());
            }
            return Ok(value);
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<bool, String> {
        let first = self.word()?;
        if let Some(letter) = first.strip_prefix('-').filter(|letter| letter.len() == 1)
            && let Some(Piece::Word(operand, _)) = self.pieces.get(self.at)
        {
            let operand = operand.clone();
            self.at += 1;
            return self.unary(letter, &operand);
        }
        let operator = match self.pieces.get(self.at) {
            Some(Piece::Operator(text @ ("<" | ">"))) => (*text).to_owned(),
            Some(Piece::Word(text, false)) => text.clone(),
            _ => return Ok(!first.is_empty()),
        };
        self.at += 1;
        let is_quoted = matches!(self.pieces.get(self.at), Some(Piece::Word(_, true)));
        let right = self.word()?;
        self.binary(&first, &operator, &right, is_quoted)
    }

    fn word(&mut self) -> Result<String, String> {
        match self.pieces.get(self.at) {
            Some(Piece::Word(text, _)) => {
                self.at += 1;
                Ok(text.clone())
            }
            Some(piece) => Err(near(piece)),
            None => Err("unexpected argument to conditional expression".into()),
        }
    }

    fn unary(&self, letter: &str, operand: &str) -> Result<bool, String> {
        let path = crate::workload::fs::resolve(self.cwd, operand);
        Ok(match letter {
            "n" => !operand.is_empty(),
            "z" => operand.is_empty(),
            "f" => self.fs.is_file(&path),
            "d" => self.fs.is_dir(&path),
            "e" | "a" | "x" => self.fs.exists(&path),
            "r" => self.fs.may(&path, Right::Read),
            "w" => self.fs.may(&path, Right::Write),
            "s" => self.fs.read(&path).is_ok_and(|data| !data.is_empty()),
            "h" | "L" => self.fs.target(&path).is_some(),
            "c" => Device::at(&self.fs.followed(&path)).is_some(),
            "p" | "S" | "b" | "t" => false,
            _ => return Err(format!("conditional unary operator expected near `{operand}'")),
        })
    }

    fn binary(&self, left: &str, operator: &str, right: &str, is_quoted: bool) -> Result<bool, String> {
        let number =
            |text: &str| text.trim().parse::<i64>().map_err(|_| format!("{text}: integer expression expected"));
        let is_equal = || if is_quoted { left == right } else { matches(right, left) };
        Ok(match operator {
            "=" | "==" => is_equal(),
            "!=" => !is_equal(),
            "<" => left < right,
            ">" => left > right,
            "=~" => Regex::new(right).map_err(|_| format!("{right}: invalid regular expression"))?.is_match(left),
            "-eq" => number(left)? == number(right)?,
            "-ne" => number(left)? != number(right)?,
            "-lt" => number(left)? < number(right)?,
            "-le" => number(left)? <= number(right)?,
            "-gt" => number(left)? > number(right)?,
            "-ge" => number(left)? >= number(right)?,
            _ => return Err(format!("conditional binary operator expected near `{operator}'")),
        })
    }
}
