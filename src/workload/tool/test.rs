//! `test`, `[` and `expr`.

use crate::workload::Ctx;
use crate::workload::fs::{Device, Right};
use crate::workload::tool::instant::Call;

/// `test EXPRESSION`: 0 if it is true, 1 if not, 2 if it makes no sense.
pub fn test(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let name = call.argv[0].as_str();
    let mut words: Vec<&str> = call.args().collect();
    if let Some(close) = [("[", "]"), ("[[", "]]")].iter().find(|(n, _)| *n == name).map(|(_, c)| c)
        && words.pop() != Some(close)
    {
        ctx.eprint(format!("{name}: missing {close}\n"));
        return 2;
    }
    let mut parser = Parser { words: &words, at: 0, call, ctx };
    match parser.or() {
        Ok(value) if parser.at >= words.len() => u8::from(!value),
        Ok(_) => {
            ctx.eprint(format!("{name}: too many arguments\n"));
            2
        }
        Err(words) => {
            ctx.eprint(format!("{name}: {words}\n"));
            2
        }
    }
}

struct Parser<'a, 'b, 'c> {
    words: &'a [&'a str],
    at: usize,
    call: &'a Call<'a>,
    ctx: &'b Ctx<'c>,
}

impl Parser<'_, '_, '_> {
    fn peek(&self, ahead: usize) -> Option<&str> {
        self.words.get(self.at + ahead).copied()
    }

    fn or(&mut self) -> Result<bool, String> {
        let mut value = self.and()?;
        while matches!(self.peek(0), Some("-o" | "||")) {
            self.at += 1;
            let right = self.and()?;
            value |= right;
        }
        Ok(value)
    }

    fn and(&mut self) -> Result<bool, String> {
        let mut value = self.not()?;
        while matches!(self.peek(0), Some("-a" | "&&")) {
            self.at += 1;
            let right = self.not()?;
            value &= right;
        }
        Ok(value)
    }

    fn not(&mut self) -> Result<bool, String> {
        if self.peek(0) == Some("!") && self.words.len() > self.at + 1 {
            self.at += 1;
            return Ok(!self.not()?);
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<bool, String> {
        let Some(first) = self.peek(0).map(str::to_owned) else { return Ok(false) };
        let second = self.peek(1).map(str::to_owned);
        let third = self.peek(2).map(str::to_owned);
        if let (Some(op), Some(right)) = (&second, &third)
            && let Some(value) = self.binary(&first, op, right)?
        {
            self.at += 3;
            return Ok(value);
        }
        if let Some(operand) = second.filter(|_| first.starts_with('-') && first.len() == 2) {
            let path = self.call.path(&operand);
            let fs = &self.ctx.fs;
            let value = match first.as_str() {
                "-z" => operand.is_empty(),
                "-n" => !operand.is_empty(),
                "-e" => fs.exists(&path),
                "-f" => fs.is_file(&path),
                "-d" => fs.is_dir(&path),
                "-s" => fs.read(&path).is_ok_and(|d| !d.is_empty()),
                "-r" => fs.may(&path, Right::Read),
                "-w" => fs.may(&path, Right::Write),
                "-x" => fs.exists(&path),
                "-L" | "-h" => fs.target(&path).is_some(),
                "-c" => Device::at(&fs.followed(&path)).is_some(),
                "-t" | "-S" | "-b" | "-p" => false,
                _ => return Err(format!("{first}: unknown operand")),
            };
            self.at += 2;
            return Ok(value);
        }
        if first == "(" {
            self.at += 1;
            let value = self.or()?;
            self.at += 1;
            return Ok(value);
        }
        self.at += 1;
        Ok(!first.is_empty())
    }

    fn binary(&self, left: &str, op: &str, right: &str) -> Result<Option<bool>, String> {
        let number = |text: &str| text.trim().parse::<i64>().map_err(|_| format!("bad number '{text}'"));
        Ok(Some(match op {
            "=" | "==" if self.call.argv[0] == "[[" => crate::workload::shell::expand::matches(right, left),
            "=" | "==" => left == right,
            "!=" => left != right,
            "<" => left < right,
            ">" => left > right,
            "-eq" => number(left)? == number(right)?,
            "-ne" => number(left)? != number(right)?,
            "-lt" => number(left)? < number(right)?,
            "-le" => number(left)? <= number(right)?,
            "-gt" => number(left)? > number(right)?,
            "-ge" => number(left)? >= number(right)?,
            _ => return Ok(None),
        }))
    }
}

/// `expr A OP B`, one operation.
pub fn expr(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let words: Vec<&str> = call.args().collect();
    let value = match words[..] {
        [one] => one.to_owned(),
        [a, op, b] => match (a.parse::<i64>(), b.parse::<i64>(), op) {
            (Ok(_), Ok(0), "/" | "%") => {
                ctx.eprint("expr: division by zero\n");
                return 2;
            }
            (Ok(a), Ok(b), "+") => a.wrapping_add(b).to_string(),
            (Ok(a), Ok(b), "-") => a.wrapping_sub(b).to_string(),
            (Ok(a), Ok(b), "*") => a.wrapping_mul(b).to_string(),
            (Ok(a), Ok(b), "/") => a.wrapping_div(b).to_string(),
            (Ok(a), Ok(b), "%") => a.wrapping_rem(b).to_string(),
            (Ok(a), Ok(b), "<") => i64::from(a < b).to_string(),
            (Ok(a), Ok(b), ">") => i64::from(a > b).to_string(),
            (_, _, "=") => i64::from(a == b).to_string(),
            (_, _, "!=") => i64::from(a != b).to_string(),
            _ => {
                ctx.eprint("expr: non-integer argument\n");
                return 2;
            }
        },
        _ => {
            ctx.eprint("expr: syntax error\n");
            return 2;
        }
    };
    ctx.print(format!("{value}\n"));
    u8::from(value.is_empty() || value == "0")
}
