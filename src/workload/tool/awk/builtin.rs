//! The functions that awk has.

use std::rc::Rc;

use crate::sim::Rng;
use crate::workload::tool::awk::code::{Builtin, Op, Place, RLENGTH, RSTART, Var};
use crate::workload::tool::awk::fault::Fault;
use crate::workload::tool::awk::machine::Machine;
use crate::workload::tool::awk::math;
use crate::workload::tool::awk::record::Separator;
use crate::workload::tool::awk::value::Value;

impl Machine<'_, '_> {
    /// Calls a function; its arguments are on the stack.
    pub fn builtin(&mut self, op: &Op) -> Result<Value, Fault> {
        match *op {
            Op::Length(variable) => {
                if let Some(count) = self.count(variable) {
                    return Ok(Value::from(count));
                }
                let value = self.read(Place::Var(variable), &Value::Empty)?;
                self.length(&value)
            }
            Op::Split { array, given, regex } => self.split(array, given, regex),
            Op::Substitute { place, all } => self.substitute(place, all),
            Op::Builtin(builtin, count) => self.plain(builtin, count),
            _ => unreachable!("every other step is done elsewhere: {op:?}"),
        }
    }

    fn plain(&mut self, builtin: Builtin, count: usize) -> Result<Value, Fault> {
        Ok(match builtin {
            Builtin::Length if count == 0 => {
                let whole = self.whole()?;
                return self.length(&Value::Text(whole));
            }
            Builtin::Length => {
                let value = self.pop();
                return self.length(&value);
            }
            Builtin::Atan2 => {
                let (x, y) = (self.pop().number(), self.pop().number());
                Value::Number(math::atan2(y, x))
            }
            Builtin::Cos => Value::Number(math::cos(self.pop().number())),
            Builtin::Sin => Value::Number(math::sin(self.pop().number())),
            Builtin::Exp => Value::Number(math::exp(self.pop().number())),
            Builtin::Log => Value::Number(math::ln(self.pop().number())),
            Builtin::Sqrt => Value::Number(self.pop().number().sqrt()),
            Builtin::Int => Value::Number(self.pop().number().trunc()),
            Builtin::Rand => Value::Number((self.random.1.next_u64() >> 11) as f64 / (1_u64 << 53) as f64),
            Builtin::Srand => {
                let seed = if count == 0 { self.ctx.unix() } else { self.pop().number() as i64 };
                let before = std::mem::replace(&mut self.random, (seed, Rng::stream(seed as u64, "awk"))).0;
                Value::Number(before as f64)
            }
            Builtin::Systime => Value::Number(self.ctx.unix() as f64),
            Builtin::Index => {
                let (part, whole) = (self.pop_text(), self.pop_text());
                self.fuel.make(whole.len())?;
                let at = if part.is_empty() { None } else { whole.find(&*part) };
                Value::from(at.map_or(0, |at| whole[..at].chars().count() + 1))
            }
            Builtin::Match => self.find()?,
            Builtin::Substr => self.part(count)?,
            Builtin::Tolower => Value::Text(self.pop_text().to_ascii_lowercase().into()),
            Builtin::Toupper => Value::Text(self.pop_text().to_ascii_uppercase().into()),
            Builtin::Sprintf => Value::Text(self.formatted(count)?.into()),
            Builtin::Close => {
                let name = self.pop_text();
                Value::Number(if self.output.close(&name, self.ctx)? { 0.0 } else { -1.0 })
            }
            Builtin::Fflush => {
                self.pop_many(count);
                self.output.flush(self.ctx)?;
                Value::Number(0.0)
            }
            Builtin::System => return Err(Fault::bare("system(): not simulated")),
            Builtin::Split | Builtin::Sub | Builtin::Gsub => unreachable!("these have steps of their own"),
        })
    }

    fn length(&mut self, value: &Value) -> Result<Value, Fault> {
        let text = self.text(value);
        self.fuel.make(text.len())?;
        Ok(Value::from(text.chars().count()))
    }

    /// `match`: sets `RSTART` and `RLENGTH`.
    fn find(&mut self) -> Result<Value, Fault> {
        let (pattern, text) = (self.pop_text(), self.pop_text());
        let found = self.regex(&pattern)?.find(&text, 0, &mut self.fuel)?;
        let (start, length) = found.map_or((0.0, -1.0), |(start, end)| {
            (text[..start].chars().count() as f64 + 1.0, text[start..end].chars().count() as f64)
        });
        self.set_global(RSTART, Value::Number(start));
        self.set_global(RLENGTH, Value::Number(length));
        Ok(Value::Number(start))
    }

    /// `substr`: characters from a place that may be before the first, both numbers rounded.
    fn part(&mut self, count: usize) -> Result<Value, Fault> {
        let length = if count > 2 { self.pop().number().round_ties_even() } else { f64::INFINITY };
        let start = self.pop().number().round_ties_even();
        let text = self.pop_text();
        self.fuel.make(text.len())?;
        let (from, to) = (start.max(1.0), start + length);
        if to.is_nan() || to <= from {
            return Ok(Value::from(""));
        }
        let taken = text.chars().skip(from as usize - 1).take((to - from) as usize);
        Ok(Value::Text(taken.collect::<String>().into()))
    }

    fn split(&mut self, array: Var, given: bool, regex: bool) -> Result<Value, Fault> {
        let separator = if given { Some(self.pop_text()) } else { None };
        let text = self.pop_text();
        let separator = match separator {
            Some(pattern) if regex => Separator::Regex(self.regex(&pattern)?),
            separator => self.separator(separator)?,
        };
        let parts = separator.split(&text, &mut self.fuel)?;
        self.fuel.spend(4 * parts.len())?;
        let array = self.array(array)?;
        array.borrow_mut().clear();
        for (index, part) in parts.iter().enumerate() {
            let key: Rc<str> = (index + 1).to_string().into();
            *array.borrow_mut().element(&key) = Value::input(part);
        }
        Ok(Value::from(parts.len()))
    }

    /// `sub` and `gsub`: answers how often something was replaced.
    fn substitute(&mut self, place: Place, all: bool) -> Result<Value, Fault> {
        let key = self.pop_key(place);
        let (replacement, pattern) = (self.pop_text(), self.pop_text());
        let regex = self.regex(&pattern)?;
        let old = self.read(place, &key)?;
        let old = self.text(&old);
        let (mut new, mut from, mut look, mut count) = (String::new(), 0, 0, 0_usize);
        while let Some((start, end)) = regex.find(&old, look, &mut self.fuel)? {
            // What is empty and touches the match before is none.
            if start < end || count == 0 || start > from {
                new += &old[from..start];
                replace(&mut new, &replacement, &old[start..end]);
                self.fuel.make(replacement.len() + (end - start))?;
                count += 1;
                from = end;
            }
            let step = old[end..].chars().next().map(char::len_utf8);
            match step {
                _ if !all => break,
                None => break,
                Some(step) => look = if start == end { end + step } else { end },
            }
        }
        if count > 0 {
            new += &old[from..];
            self.fuel.make(new.len())?;
            self.write(place, &key, Value::Text(new.into()))?;
        }
        Ok(Value::from(count))
    }
}

/// Adds the replacement: `&` is what was found, `\&` is `&`, and `\\` is a backslash.
fn replace(out: &mut String, replacement: &str, found: &str) {
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '&' => *out += found,
            '\\' => match chars.next_if(|c| matches!(c, '&' | '\\')) {
                Some(c) => out.push(c),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
}
