//! Running a template. Models `text/template/exec.go` over JSON values; null is the value that is not there.

use serde_json::{Value, json};

use super::function;
use super::lex::line_of;
use super::{Node, Pipe, Template, Term, TermKind, format, shown};

/// How deep templates may call each other.
const MAX_DEPTH: u32 = 1_000;

/// Runs a template; what it prints before it fails stays in `out`.
pub(super) fn run(template: &Template, data: &Value, missing_is_error: bool, out: &mut String) -> Result<(), String> {
    let variables = vec![("$".to_owned(), data.clone())];
    let mut state = State { template, missing_is_error, name: "output", variables, depth: 0, out };
    state.nodes(&template.main, data).map(|_| ())
}

struct State<'t, 'o> {
    template: &'t Template,
    missing_is_error: bool,
    name: &'t str,
    variables: Vec<(String, Value)>,
    depth: u32,
    out: &'o mut String,
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// Whether a value counts as true.
pub(super) fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

impl<'t> State<'t, '_> {
    fn fail<T>(&self, at: u32, what: &str, why: &str) -> Result<T, String> {
        let text = &self.template.text;
        let begin = text[..at as usize].rfind('\n').map_or(0, |newline| newline + 1);
        let (line, column) = (line_of(text, at as usize), at as usize - begin);
        Err(format!("template: output:{line}:{column}: executing \"{}\" at <{what}>: {why}", self.name))
    }

    fn nodes(&mut self, nodes: &'t [Node], dot: &Value) -> Result<Flow, String> {
        for node in nodes {
            let depth = self.variables.len();
            let flow = match node {
                Node::Text(text) => {
                    self.out.push_str(text);
                    Flow::Next
                }
                Node::Action(pipe) => {
                    let value = self.pipe(pipe, dot)?;
                    if pipe.variables.is_empty() {
                        self.out.push_str(&printed(&value));
                    }
                    Flow::Next
                }
                Node::If(pipe, body, other) | Node::With(pipe, body, other) => {
                    let value = self.pipe(pipe, dot)?;
                    let inner = if matches!(node, Node::With(..)) { &value } else { dot };
                    let flow = if truth(&value) { self.nodes(body, inner) } else { self.nodes(other, dot) }?;
                    self.variables.truncate(depth);
                    flow
                }
                Node::Range(pipe, body, other) => {
                    self.range(pipe, body, other, dot)?;
                    self.variables.truncate(depth);
                    Flow::Next
                }
                Node::Template(name, pipe, at) => {
                    self.call(name, pipe.as_ref(), *at, dot)?;
                    Flow::Next
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn range(&mut self, pipe: &'t Pipe, body: &'t [Node], other: &'t [Node], dot: &Value) -> Result<(), String> {
        let depth = self.variables.len();
        let value = self.pipe_value(pipe, dot)?;
        let pairs: Vec<(Value, Value)> = match value {
            Value::Array(items) => items.into_iter().enumerate().map(|(i, item)| (json!(i), item)).collect(),
            Value::Object(map) => map.into_iter().map(|(key, item)| (json!(key), item)).collect(),
            Value::Null => Vec::new(),
            other => {
                return self.fail(pipe.at, &pipe.to_string(), &format!("range can't iterate over {}", printed(&other)));
            }
        };
        if pairs.is_empty() {
            return self.nodes(other, dot).map(|_| ());
        }
        for (key, item) in pairs {
            match pipe.variables.as_slice() {
                [item_name] => self.set(pipe.assigns, item_name, item.clone()),
                [key_name, item_name] => {
                    self.set(pipe.assigns, key_name, key);
                    self.set(pipe.assigns, item_name, item.clone());
                }
                _ => {}
            }
            let flow = self.nodes(body, &item)?;
            self.variables.truncate(depth);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(())
    }

    fn call(&mut self, name: &'t str, pipe: Option<&'t Pipe>, at: u32, dot: &Value) -> Result<(), String> {
        let template = self.template;
        let Some(body) = template.named.get(name) else {
            let what = format!("{{{{template {name:?}}}}}");
            return self.fail(at, &what, &format!("template {name:?} not defined"));
        };
        if self.depth >= MAX_DEPTH {
            return self.fail(at, name, "exceeded maximum template depth (100000)");
        }
        let data = match pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Value::Null,
        };
        let outer = std::mem::replace(&mut self.variables, vec![("$".into(), data.clone())]);
        let caller = std::mem::replace(&mut self.name, name);
        self.depth += 1;
        self.nodes(body, &data)?;
        self.depth -= 1;
        (self.variables, self.name) = (outer, caller);
        Ok(())
    }

    fn set(&mut self, assigns: bool, name: &str, value: Value) {
        match self.variables.iter_mut().rev().find(|(known, _)| assigns && known == name) {
            Some((_, known)) => *known = value,
            None => self.variables.push((name.to_owned(), value)),
        }
    }

    /// The value of a pipeline, which goes to its variables too.
    fn pipe(&mut self, pipe: &'t Pipe, dot: &Value) -> Result<Value, String> {
        let value = self.pipe_value(pipe, dot)?;
        for name in &pipe.variables {
            self.set(pipe.assigns, name, value.clone());
        }
        Ok(value)
    }

    fn pipe_value(&mut self, pipe: &'t Pipe, dot: &Value) -> Result<Value, String> {
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(command, dot, value)?);
        }
        Ok(value.unwrap_or_default())
    }

    fn command(&mut self, command: &'t [Term], dot: &Value, last: Option<Value>) -> Result<Value, String> {
        let (first, rest) = command.split_first().expect("a command has a term");
        if let TermKind::Function(name) = &first.kind {
            return self.function(name, command, dot, last);
        }
        if matches!(first.kind, TermKind::Nil) {
            return self.fail(first.at, "nil", "nil is not a command");
        }
        if !rest.is_empty() || last.is_some() {
            return match &first.kind {
                TermKind::Fields(fields) | TermKind::Variable(_, fields) | TermKind::Pipe(_, fields)
                    if !fields.is_empty() =>
                {
                    let name = fields.last().map_or("", String::as_str);
                    self.fail(first.at, &first.to_string(), &format!("{name} is not a method but has arguments"))
                }
                _ => self.fail(first.at, &first.to_string(), &format!("can't give argument to non-function {first}")),
            };
        }
        self.term(first, dot)
    }

    fn term(&mut self, term: &'t Term, dot: &Value) -> Result<Value, String> {
        match &term.kind {
            TermKind::Dot => Ok(dot.clone()),
            TermKind::Nil => Ok(Value::Null),
            TermKind::Constant(value, _) => Ok(value.clone()),
            TermKind::Fields(fields) => self.fields(term, dot, fields),
            TermKind::Variable(name, fields) => {
                let found = self.variables.iter().rev().find(|(known, _)| known == name);
                let value = found.map(|(_, value)| value.clone()).unwrap_or_default();
                self.fields(term, &value, fields)
            }
            TermKind::Function(name) => self.function(name, std::slice::from_ref(term), dot, None),
            TermKind::Pipe(pipe, fields) => {
                let value = self.pipe(pipe, dot)?;
                self.fields(term, &value, fields)
            }
        }
    }

    fn fields(&self, term: &Term, from: &Value, fields: &[String]) -> Result<Value, String> {
        let mut value = from;
        for (n, field) in fields.iter().enumerate() {
            value = match value {
                Value::Object(map) => match map.get(field) {
                    Some(value) => value,
                    None if self.missing_is_error => {
                        let why = format!("map has no entry for key \"{field}\"");
                        return self.fail(term.at, &term.to_string(), &why);
                    }
                    None => &Value::Null,
                },
                // What is not there has no fields either; nor has a null.
                Value::Null if n > 0 || !self.missing_is_error => &Value::Null,
                other => {
                    let ty = if n == 0 { format::type_name(other) } else { "interface {}" };
                    let why = format!("can't evaluate field {field} in type {ty}");
                    return self.fail(term.at, &term.to_string(), &why);
                }
            };
        }
        Ok(value.clone())
    }

    fn function(&mut self, name: &str, command: &'t [Term], dot: &Value, last: Option<Value>) -> Result<Value, String> {
        let whole = || (command[0].at, shown(command));
        let count = command.len() - 1 + usize::from(last.is_some());
        if let Some(why) = function::wrong_count(name, count) {
            return self.fail(command[0].at, name, &why);
        }
        let mut args = Vec::new();
        for term in &command[1..] {
            let value = self.term(term, dot)?;
            let decides = match name {
                "and" => !truth(&value),
                "or" => truth(&value),
                _ => false,
            };
            if decides {
                return Ok(value);
            }
            args.push(value);
        }
        args.extend(last);
        match function::call(name, args) {
            Ok(value) => Ok(value),
            Err(why) => {
                let (at, what) = whole();
                self.fail(at, &what, &format!("error calling {name}: {why}"))
            }
        }
    }
}

/// A value as an action prints it.
fn printed(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".into(),
        value => format::plain(value),
    }
}
