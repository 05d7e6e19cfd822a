//! The steps of awk's machine that read and set places and that make values of values.

use std::rc::Rc;

use crate::workload::tool::awk::arithmetic;
use crate::workload::tool::awk::code::{CONVFMT, Compare, NF, OFS, Op, Place, SUBSEP, Var};
use crate::workload::tool::awk::fault::Fault;
use crate::workload::tool::awk::machine::Machine;
use crate::workload::tool::awk::value::{Cell, Shared, Value};

impl Machine<'_, '_> {
    /// What a variable is.
    pub fn cell(&mut self, variable: Var) -> &mut Cell {
        match variable {
            Var::Global(index) => &mut self.globals[index],
            Var::Local(index) => {
                let frame = self.frames.last_mut().expect("a function's parameters are named only in it");
                &mut frame.locals[index]
            }
        }
    }

    /// The array that a variable is or becomes.
    pub fn array(&mut self, variable: Var) -> Result<Shared, Fault> {
        self.cell(variable).array().ok_or_else(|| Fault::new("Not an array"))
    }

    /// How many elements a variable has that is an array.
    pub fn count(&mut self, variable: Var) -> Option<usize> {
        match self.cell(variable) {
            Cell::Array(array) => Some(array.borrow().count()),
            Cell::Scalar(_) | Cell::Unknown(_) => None,
        }
    }

    fn field_number(key: &Value) -> Result<usize, Fault> {
        let number = key.number();
        if number <= -1.0 || number.is_nan() {
            return Err(Fault::new("Access to negative field"));
        }
        Ok(number as usize)
    }

    /// What is in a place.
    pub fn read(&mut self, place: Place, key: &Value) -> Result<Value, Fault> {
        Ok(match place {
            Place::Var(Var::Global(NF)) => Value::from(self.record.count(&mut self.fuel)?),
            Place::Var(variable) => match self.cell(variable) {
                Cell::Scalar(value) => value.clone(),
                Cell::Unknown(_) => Value::Empty,
                Cell::Array(_) => return Err(Fault::new("Array in a scalar context")),
            },
            Place::Field => match Self::field_number(key)? {
                0 => Value::Input(self.whole()?),
                number => self.record.field(number, &mut self.fuel)?,
            },
            Place::Element(variable) => {
                let key = self.text(key);
                self.array(variable)?.borrow_mut().element(&key).clone()
            }
        })
    }

    /// Puts a value into a place.
    pub fn write(&mut self, place: Place, key: &Value, value: Value) -> Result<(), Fault> {
        match place {
            Place::Var(Var::Global(NF)) => {
                let count = Self::field_number(&value)?;
                self.record.set_count(count, &mut self.fuel)?;
            }
            Place::Var(variable) => match self.cell(variable) {
                Cell::Array(_) => return Err(Fault::new("Array in a scalar context")),
                cell => *cell = Cell::Scalar(value),
            },
            Place::Field => match Self::field_number(key)? {
                0 => {
                    let text = self.text(&value);
                    self.set_record(text)?;
                }
                number => {
                    let value = match value {
                        Value::Number(_) => Value::Input(self.text(&value)),
                        other => other,
                    };
                    self.record.set_field(number, value, &mut self.fuel)?;
                }
            },
            Place::Element(variable) => {
                let key = self.text(key);
                *self.array(variable)?.borrow_mut().element(&key) = value;
            }
        }
        Ok(())
    }

    /// The whole record.
    pub fn whole(&mut self) -> Result<Rc<str>, Fault> {
        let (ofs, format) = (self.setting(OFS), self.setting(CONVFMT));
        self.record.whole(&ofs, &format, &mut self.fuel)
    }

    /// Steps that read or set a place.
    pub fn place(&mut self, op: &Op) -> Result<(), Fault> {
        let result = match *op {
            Op::Load(place) => {
                let key = self.pop_key(place);
                self.read(place, &key)?
            }
            Op::Store(place) => {
                let value = self.pop();
                let key = self.pop_key(place);
                self.write(place, &key, value.clone())?;
                value
            }
            Op::Update(place, operation) => {
                let value = self.pop();
                let key = self.pop_key(place);
                let old = self.read(place, &key)?;
                let new = Value::Number(arithmetic(operation, old.number(), value.number())?);
                self.write(place, &key, new.clone())?;
                new
            }
            Op::Step { place, by, after } => {
                let key = self.pop_key(place);
                let old = self.read(place, &key)?.number();
                let new = old + f64::from(by);
                self.write(place, &key, Value::Number(new))?;
                Value::Number(if after { old } else { new })
            }
            _ => return Ok(()),
        };
        self.stack.push(result);
        Ok(())
    }

    /// Steps that make a value of values.
    pub fn operate(&mut self, op: &Op) -> Result<(), Fault> {
        let result = match *op {
            Op::Arithmetic(operation) => {
                let (right, left) = (self.pop().number(), self.pop().number());
                Value::Number(arithmetic(operation, left, right)?)
            }
            Op::Compare(compare) => {
                let (right, left) = (self.pop(), self.pop());
                Value::from(self.compare(compare, &left, &right))
            }
            Op::Concat => {
                let (right, left) = (self.pop_text(), self.pop_text());
                self.fuel.make(left.len() + right.len())?;
                Value::Text([&*left, &*right].concat().into())
            }
            Op::Match { not } => {
                let (pattern, text) = (self.pop_text(), self.pop_text());
                let found = self.regex(&pattern)?.matches(&text, &mut self.fuel)?;
                Value::from(found != not)
            }
            Op::Not => Value::from(!self.pop().is_true()),
            Op::Truth => Value::from(self.pop().is_true()),
            Op::Negate => Value::Number(-self.pop().number()),
            Op::Number => Value::Number(self.pop().number()),
            Op::Subscript(count) => {
                let parts: Vec<Rc<str>> = self.pop_many(count).iter().map(|value| self.text(value)).collect();
                let key = parts.join(&*self.setting(SUBSEP));
                self.fuel.make(key.len())?;
                Value::Text(key.into())
            }
            _ => self.builtin(op)?,
        };
        self.stack.push(result);
        Ok(())
    }

    fn compare(&self, compare: Compare, left: &Value, right: &Value) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let order = if left.is_numeric() && right.is_numeric() {
            left.number().partial_cmp(&right.number())
        } else {
            Some(self.text(left).as_bytes().cmp(self.text(right).as_bytes()))
        };
        match compare {
            Compare::Less => order == Some(Less),
            Compare::AtMost => matches!(order, Some(Less | Equal)),
            Compare::Equal => order == Some(Equal),
            Compare::Different => order != Some(Equal),
            Compare::More => order == Some(Greater),
            Compare::AtLeast => matches!(order, Some(Greater | Equal)),
        }
    }
}
