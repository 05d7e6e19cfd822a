//! Values of awk: numbers, texts, and texts from outside that are numbers if they look like one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::workload::tool::awk::format;

/// A value.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Of a variable that nothing was assigned to: both 0 and the empty text.
    #[default]
    Empty,
    /// A number.
    Number(f64),
    /// A text.
    Text(Rc<str>),
    /// A text from outside: a field, an element that `split` made, a variable of the command line.
    Input(Rc<str>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Value {
        Value::Number(count as f64)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Number(f64::from(u8::from(truth)))
    }
}

impl Value {
    /// A text from outside.
    pub fn input(text: &str) -> Value {
        Value::Input(text.into())
    }

    /// The number that it is, or that it begins with.
    pub fn number(&self) -> f64 {
        match self {
            Value::Empty => 0.0,
            Value::Number(number) => *number,
            Value::Text(text) | Value::Input(text) => leading_number(text).0,
        }
    }

    /// The text, where a number that is not whole is written as `format` says.
    pub fn text(&self, format: &str) -> Rc<str> {
        match self {
            Value::Empty => "".into(),
            Value::Number(number) => shown(*number, format).into(),
            Value::Text(text) | Value::Input(text) => text.clone(),
        }
    }

    /// Whether it is compared as a number.
    pub fn is_numeric(&self) -> bool {
        match self {
            Value::Empty | Value::Number(_) => true,
            Value::Text(_) => false,
            Value::Input(text) => looks_numeric(text),
        }
    }

    /// Whether it is true.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Text(text) => !text.is_empty(),
            Value::Input(text) if !looks_numeric(text) => !text.is_empty(),
            other => other.number() != 0.0,
        }
    }
}

/// A number as text: a whole one has no fraction.
pub fn shown(number: f64, format: &str) -> String {
    if number == number.trunc() && number.abs() < 9.2e18 {
        return (number as i64).to_string();
    }
    format::number(format, number)
}

/// The number at the beginning of a text, and how long it is with the blanks before it; 0 and nothing if there is none.
fn leading_number(text: &str) -> (f64, usize) {
    let bytes = text.as_bytes();
    let skip = |mut at: usize, takes: fn(&u8) -> bool| {
        while bytes.get(at).is_some_and(takes) {
            at += 1;
        }
        at
    };
    let is_sign = |at: usize| usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
    let start = skip(0, u8::is_ascii_whitespace);
    let whole = start + is_sign(start);
    let mut end = skip(whole, u8::is_ascii_digit);
    let mut digits = end - whole;
    if bytes.get(end) == Some(&b'.') {
        let fraction = skip(end + 1, u8::is_ascii_digit);
        digits += fraction - end - 1;
        end = fraction;
    }
    if digits == 0 {
        return (0.0, 0);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let exponent = end + 1 + is_sign(end + 1);
        let after = skip(exponent, u8::is_ascii_digit);
        if after > exponent {
            end = after;
        }
    }
    (text[start..end].parse().unwrap_or(0.0), end)
}

/// Whether a text from outside is a number: nothing but blanks stands beside it.
pub fn looks_numeric(text: &str) -> bool {
    let (_, end) = leading_number(text);
    end > 0 && text[end..].bytes().all(|b| b.is_ascii_whitespace())
}

/// An array: elements by key, and the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Array {
    elements: BTreeMap<Rc<str>, (u64, Value)>,
    next: u64,
}

impl Array {
    /// The element, which is there from now on.
    pub fn element(&mut self, key: &Rc<str>) -> &mut Value {
        let next = &mut self.next;
        let (_, value) = self.elements.entry(key.clone()).or_insert_with(|| {
            *next += 1;
            (*next, Value::Empty)
        });
        value
    }

    /// Whether there is such an element.
    pub fn contains(&self, key: &str) -> bool {
        self.elements.contains_key(key)
    }

    /// Takes an element away.
    pub fn remove(&mut self, key: &str) {
        self.elements.remove(key);
    }

    /// Takes every element away.
    pub fn clear(&mut self) {
        self.elements.clear();
    }

    /// How many elements there are.
    pub fn count(&self) -> usize {
        self.elements.len()
    }

    /// The keys in the order in which they came.
    pub fn keys(&self) -> Vec<Rc<str>> {
        let mut keys: Vec<(u64, &Rc<str>)> = self.elements.iter().map(|(key, (order, _))| (*order, key)).collect();
        keys.sort_by_key(|(order, _)| *order);
        keys.into_iter().map(|(_, key)| key.clone()).collect()
    }
}

/// An array that several names may stand for.
pub type Shared = Rc<RefCell<Array>>;

/// What a variable is.
#[derive(Clone, Debug)]
pub enum Cell {
    /// A value.
    Scalar(Value),
    /// An array.
    Array(Shared),
    /// Neither yet: it was passed to a function, which may make it an array.
    Unknown(Shared),
}

impl Default for Cell {
    fn default() -> Cell {
        Cell::Scalar(Value::Empty)
    }
}

impl Cell {
    /// The array that it is or becomes; `None` of a value.
    pub fn array(&mut self) -> Option<Shared> {
        let array = match self {
            Cell::Array(array) => return Some(array.clone()),
            Cell::Unknown(array) => array.clone(),
            Cell::Scalar(Value::Empty) => Shared::default(),
            Cell::Scalar(_) => return None,
        };
        *self = Cell::Array(array.clone());
        Some(array)
    }

    /// What a function gets for it: the same array, or a copy of the value.
    pub fn passed(&mut self) -> Cell {
        if let Cell::Scalar(Value::Empty) = self {
            *self = Cell::Unknown(Shared::default());
        }
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_number_that_it_begins_with() {
        for (text, number, whole) in [
            ("12", 12.0, true),
            (" 12 ", 12.0, true),
            ("12abc", 12.0, false),
            ("-1.5e3", -1500.0, true),
            (".5", 0.5, true),
            ("5.", 5.0, true),
            ("1e", 1.0, false),
            ("0x1f", 0.0, false),
            ("", 0.0, false),
            (".", 0.0, false),
            ("inf", 0.0, false),
            ("+", 0.0, false),
        ] {
            assert_eq!((leading_number(text).0, looks_numeric(text)), (number, whole), "{text:?}");
        }
    }

    #[test]
    fn keys_come_in_the_order_in_which_they_came() {
        let mut array = Array::default();
        for key in ["b", "a", "c", "b"] {
            *array.element(&key.into()) = Value::from(true);
        }
        array.remove("a");
        array.element(&"a".into());
        assert_eq!(array.keys(), ["b".into(), "c".into(), "a".into()] as [Rc<str>; 3]);
    }
}
