//! What goes on after a verb is done: streams without an end, taken chunk by chunk.

use serde_json::Value;

use super::json::text;
use super::object;
use super::print::columns::Columns;
use super::print::output::Output;
use super::print::table::TablePrinter;
use super::process::Effect;
use crate::api::http::Chunk;
use crate::sim::Out;

/// A stream that a finished verb left behind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Follow {
    /// `get -w`.
    Watch(Box<Watch>),
    /// `logs -f` and `exec`: text as it comes.
    Text {
        /// What `exec` says when its command failed: the words before the exit code.
        exec: bool,
    },
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
    pub fn take(&mut self, chunk: Chunk, out: &mut Out<Effect>) -> Option<u8> {
        match (self, chunk) {
            (Follow::Watch(watch), Chunk::Event(event)) => watch.event(&event, out),
            (_, Chunk::Event(_)) => None,
            (_, Chunk::Stdout(bytes)) => {
                out.push(Effect::Stdout(String::from_utf8_lossy(&bytes).into_owned()));
                None
            }
            (_, Chunk::Stderr(bytes)) => {
                out.push(Effect::Stderr(String::from_utf8_lossy(&bytes).into_owned()));
                None
            }
            (Follow::Text { exec: true }, Chunk::Exit(code)) if code != 0 => {
                out.push(Effect::Stderr(format!("command terminated with exit code {code}\n")));
                Some(code)
            }
            (_, Chunk::Exit(code)) => Some(code),
            (_, Chunk::End) => Some(0),
        }
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
            Err(why) => Effect::Stderr(format!("error: {why}\n")),
        });
        None
    }

    /// One object or table as it is printed.
    pub fn print(&mut self, value: &Value, kind: &str) -> Result<String, String> {
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
        let shown = if self.managed_fields { value.clone() } else { object::without_managed_fields(value.clone()) };
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
