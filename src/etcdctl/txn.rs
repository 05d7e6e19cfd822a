//! `txn`: comparisons and requests, line by line from the standard input, three lists ended by an empty line each.
//!
//! Models `etcdctl/ctlv3/command/txn_command.go` (etcd 3.6). Where etcdctl panics (an unknown relation), this refuses in the
//! panic's words.

use std::str::Lines;
use std::sync::Arc;

use crate::etcd::{Compare, KeyRange, LeaseId, Op, Payload, Relation, Revision, Target, TxnOp, TxnStep};
use crate::etcdctl::cli::{self, Line};
use crate::etcdctl::command::Verb;
use crate::etcdctl::golang;
use crate::etcdctl::plan::{self, Plan, Refusal, exit, refuse};
use crate::etcdctl::show::Subject;

/// The transaction that `stdin` says.
pub fn plan<V: Payload + From<Arc<str>>>(line: &Line, stdin: &str) -> Result<Plan<V>, Refusal> {
    if !line.args.is_empty() {
        return refuse(exit::BAD_ARGS, "txn command does not accept argument");
    }
    let mut first = String::new();
    let prompts = line.on("interactive");
    let mut prompt = |text: &str| {
        if prompts {
            first += text;
        }
    };
    let mut reader = Reader { lines: stdin.lines(), ended: stdin.ends_with('\n') };
    let mut read = || -> Result<TxnOp<V>, Refusal> {
        prompt("compares:\n");
        let compare = reader.list(compare)?;
        prompt("success requests (get, put, del):\n");
        let success = reader.list(step)?;
        prompt("failure requests (get, put, del):\n");
        let failure = reader.list(step)?;
        Ok(TxnOp { compare, success, failure })
    };
    let op = read();
    match op {
        Ok(op) => Ok(Plan::Ask { first, op: Op::Txn(op), subject: Subject::Txn }),
        Err(refusal) => Err(Refusal { stdout: first, ..refusal }),
    }
}

struct Reader<'a> {
    lines: Lines<'a>,
    /// Whether the last line has its end; a line without one is not read, as with Go's `ReadString`.
    ended: bool,
}

impl Reader<'_> {
    /// Lines up to an empty one. An end of the input before it is an error.
    fn list<T>(&mut self, read: impl Fn(&str) -> Result<T, Refusal>) -> Result<Vec<T>, Refusal> {
        let mut list = Vec::new();
        loop {
            let line = self.lines.next();
            let last = self.lines.clone().next().is_none();
            match line {
                Some(_) if last && !self.ended => return refuse(exit::INVALID_INPUT, "EOF"),
                None => return refuse(exit::INVALID_INPUT, "EOF"),
                Some(line) if line.trim().is_empty() => return Ok(list),
                Some(line) => list.push(read(line.trim())?),
            }
        }
    }
}

/// `mod("key") > "0"`
fn compare<V: From<Arc<str>>>(line: &str) -> Result<Compare<V>, Refusal> {
    let bad = |text: String| refuse(exit::INVALID_INPUT, text);
    let Some((target, rest)) = line.split_once('(') else { return bad(format!("malformed comparison: {line}")) };
    let parts = Parts::read(rest);
    if !parts.complete {
        let (key, value) = (golang::quoted(&parts.key), golang::quoted(&parts.value));
        return bad(format!("malformed comparison: {line}; got {target}({key}) {} {value}", parts.relation));
    }
    let number = |base| match golang::parse_int(&parts.value, base) {
        Ok(n) => Ok(n.cast_unsigned()),
        Err(e) => refuse(exit::INVALID_INPUT, format!("invalid txn compare request: {line} ({e})")),
    };
    let target = match target {
        "ver" | "version" => Target::Version(number(10)?),
        "c" | "create" => Target::Create(Revision(number(10)?)),
        "m" | "mod" => Target::Mod(Revision(number(10)?)),
        "val" | "value" => Target::Value(Arc::<str>::from(parts.value.as_str()).into()),
        "lease" => Target::Lease(LeaseId::new(number(16)?)),
        _ => return bad(format!("malformed comparison: {line} (unknown target {target})")),
    };
    let relation = match parts.relation.as_str() {
        "=" => Relation::Equal,
        "!=" => Relation::NotEqual,
        ">" => Relation::Greater,
        "<" => Relation::Less,
        _ => return bad("Unknown result op".into()),
    };
    Ok(Compare { range: KeyRange::one(&parts.key), target, relation })
}

/// What stands after the parenthesis: `"key") > "0"`.
#[derive(Default)]
struct Parts {
    key: String,
    relation: String,
    value: String,
    complete: bool,
}

impl Parts {
    /// Reads as far as it goes.
    fn read(text: &str) -> Parts {
        let mut parts = Parts::default();
        let Some((key, rest)) = unquoted(text) else { return parts };
        parts.key = key;
        let Some(rest) = rest.strip_prefix(')') else { return parts };
        let rest = rest.trim_start();
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        parts.relation = rest[..end].to_string();
        let Some((value, _)) = unquoted(rest[end..].trim_start()) else { return parts };
        parts.value = value;
        parts.complete = true;
        parts
    }
}

/// A quoted string at the start of `text`, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    if let Some(raw) = text.strip_prefix('`') {
        return raw.split_once('`').map(|(inside, rest)| (inside.to_string(), rest));
    }
    let mut chars = text.strip_prefix('"')?.char_indices();
    let mut out = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[at + 2..])),
            '\\' => out.push(match chars.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '\\' => '\\',
                '"' => '"',
                _ => return None,
            }),
            c => out.push(c),
        }
    }
    None
}

/// `put key value`, `get key`, `del key`, with the flags of these commands.
fn step<V: Payload + From<Arc<str>>>(line: &str) -> Result<TxnStep<V>, Refusal> {
    let words = words(line);
    if words.len() < 2 {
        return refuse(exit::INVALID_INPUT, format!("invalid txn compare request: {line}"));
    }
    let bad = || refuse(exit::INVALID_INPUT, format!("invalid txn request: {line}"));
    let Ok(read) = cli::read(&words) else { return bad() };
    match read.command.map(|command| command.verb) {
        Some(Verb::Put) => plan::put(&read, "").map(TxnStep::Put),
        Some(Verb::Get) => plan::get(&read).map(TxnStep::Range),
        Some(Verb::Del) => plan::delete(&read).map(TxnStep::Delete),
        _ => bad(),
    }
}

/// Splits at blanks, but not inside quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match unquoted(rest) {
            Some(found) => found,
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                (rest[..end].trim_matches('\'').to_string(), &rest[end..])
            }
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}
