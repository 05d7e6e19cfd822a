//! What goes on after a verb is done: streams without an end, taken chunk by chunk.

use serde_json::Value;

use super::json::text;
use super::object;
use super::print::columns::Columns;
use super::print::output::{Output, PrintError};
use super::print::table::TablePrinter;
use super::process::Effect;
use super::verb::events;
use crate::api::http::Chunk;
use crate::sim::{Out, Time};

/// A stream that a finished verb left behind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Follow {
    /// `get -w`.
    Watch(Box<Watch>),
    /// `events -w`.
    Events(Box<Events>),
    /// `logs -f`: text as it comes.
    Text,
    /// `exec`.
    Exec(Terminal),
}

/// The near end of an `exec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Terminal {
    /// Whether what is typed goes there (`-i`).
    pub stdin: bool,
    /// Whether the far end is a terminal (`-t`).
    pub tty: bool,
    /// What the far end will show because it was typed: here it is shown already.
    echo: Vec<u8>,
}

impl Terminal {
    /// The near end with these flags.
    pub fn new(stdin: bool, tty: bool) -> Terminal {
        Terminal { stdin, tty, echo: Vec::new() }
    }

    /// What goes there for a line that was typed. Where lines are typed whole, `^C` and `^D` are the keys.
    pub fn typed(&mut self, line: &str) -> Vec<u8> {
        match line {
            "^C" if self.tty => return self.interrupt().unwrap_or_default(),
            "^D" if self.tty => return vec![4],
            _ => {}
        }
        if self.tty {
            self.echo.extend_from_slice(format!("{line}\r\n").as_bytes());
        }
        format!("{line}\n").into_bytes()
    }

    /// What goes there for Ctrl-C, if the far end is a terminal.
    pub fn interrupt(&mut self) -> Option<Vec<u8>> {
        if !self.tty || !self.stdin {
            return None;
        }
        self.echo.extend_from_slice(b"^C\r\n");
        Some(vec![3])
    }

    /// What is shown of what came.
    fn shown(&mut self, bytes: &[u8]) -> String {
        let known = bytes.iter().zip(&self.echo).take_while(|(came, typed)| came == typed).count();
        let known = if known == bytes.len().min(self.echo.len()) { known } else { 0 };
        self.echo.drain(..known);
        let text = String::from_utf8_lossy(&bytes[known..]).into_owned();
        if self.tty { text.replace("\r\n", "\n") } else { text }
    }
}

/// The state of `get -w`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Watch {
    /// The form of the output.
    pub output: Output,
    /// What tables show.
    pub table: TablePrinter,
    /// The widths of the columns so far.
    pub columns: Columns,
    /// The kind as `-o name` prints it.
    pub kind_name: String,
    /// `--output-watch-events`.
    pub with_events: bool,
    /// `--show-managed-fields`.
    pub managed_fields: bool,
}

impl Follow {
    /// Takes a chunk; gives the exit code at the end.
    pub fn take(&mut self, now: Time, chunk: Chunk, out: &mut Out<Effect>) -> Option<u8> {
        match (self, chunk) {
            (Follow::Events(events), Chunk::Event(event)) => events.event(now, &event, out),
            (Follow::Watch(watch), Chunk::Event(event)) => watch.event(&event, out),
            (_, Chunk::Event(_)) => None,
            (Follow::Exec(terminal), Chunk::Stdout(bytes)) => {
                let text = terminal.shown(&bytes);
                if !text.is_empty() {
                    out.push(Effect::Stdout(text));
                }
                None
            }
            (_, Chunk::Stdout(bytes)) => {
                out.push(Effect::Stdout(String::from_utf8_lossy(&bytes).into_owned()));
                None
            }
            (_, Chunk::Stderr(bytes)) => {
                out.push(Effect::Stderr(String::from_utf8_lossy(&bytes).into_owned()));
                None
            }
            (Follow::Exec(_), Chunk::Exit(code)) if code != 0 => {
                out.push(Effect::Stderr(format!("command terminated with exit code {code}\n")));
                Some(code)
            }
            (_, Chunk::Exit(code)) => Some(code),
            (_, Chunk::End) => Some(0),
        }
    }
}

/// How `events -w` goes on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Events {
    /// The form of the output.
    pub output: Output,
    /// The types that are shown, in small letters; none for all.
    pub types: Vec<String>,
    /// Whether the namespace is shown.
    pub namespaces: bool,
    /// Whether the header is still to come.
    pub header: bool,
    /// The Unix time, in seconds, at virtual time zero.
    pub epoch: i64,
    /// The widths of the columns so far.
    pub columns: Columns,
}

impl Events {
    fn event(&mut self, now: Time, bytes: &[u8], out: &mut Out<Effect>) -> Option<u8> {
        let event: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let value = event.get("object").cloned().unwrap_or_default();
        match text(&event, "type") {
            "ADDED" | "MODIFIED" => {}
            "ERROR" => {
                out.push(Effect::Stderr(format!("error: {}\n", text(&value, "message"))));
                return Some(1);
            }
            _ => return None,
        }
        if !self.types.is_empty() && !self.types.contains(&text(&value, "type").to_lowercase()) {
            return None;
        }
        let printed = if self.output.wants_objects() {
            self.output.print(&object::without_managed_fields(value)).unwrap_or_else(|failed| failed.printed)
        } else {
            if std::mem::take(&mut self.header) {
                self.columns.write(&events::header(self.namespaces));
            }
            self.columns.write(&events::row(&value, self.namespaces, self.epoch + now.as_secs() as i64));
            self.columns.flush()
        };
        out.push(Effect::Stdout(printed));
        None
    }
}

impl Watch {
    fn event(&mut self, bytes: &[u8], out: &mut Out<Effect>) -> Option<u8> {
        let event: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let (kind, value) = (text(&event, "type"), event.get("object").cloned().unwrap_or_default());
        match kind {
            "BOOKMARK" => return None,
            "ERROR" => {
                out.push(Effect::Stderr(format!("error: {}\n", text(&value, "message"))));
                return Some(1);
            }
            _ => {}
        }
        let printed = self.print(&value, kind);
        out.push(match printed {
            Ok(text) => Effect::Stdout(text),
            Err(failed) => Effect::Stderr(format!("error: {}\n", failed.why)),
        });
        None
    }

    /// One object or table as it is printed.
    pub fn print(&mut self, value: &Value, kind: &str) -> Result<String, PrintError> {
        if !self.output.wants_objects() {
            let with_header = !self.table.options.no_headers;
            let mut rows = self.table.rows(value);
            if self.with_events {
                rows = with_event_column(&rows, kind, with_header);
            }
            self.columns.write(&rows);
            return Ok(self.columns.flush());
        }
        if self.output == Output::Name {
            return Ok(format!("{}/{}\n", self.kind_name, object::name(value)));
        }
        let shown = if self.managed_fields || !self.output.hides_managed_fields() {
            value.clone()
        } else {
            object::without_managed_fields(value.clone())
        };
        let shown = if self.with_events { serde_json::json!({"type": kind, "object": shown}) } else { shown };
        let text = self.output.print(&shown)?;
        Ok(if self.output == Output::Yaml { format!("---\n{text}") } else { text })
    }
}

/// Rows with the type of the event before them.
pub fn with_event_column(rows: &str, kind: &str, with_header: bool) -> String {
    let first = |i: usize| if i == 0 && with_header { "EVENT" } else { kind };
    rows.lines().enumerate().map(|(i, line)| format!("{}\t{line}\n", first(i))).collect()
}
