//! `sleep`, `pause`, `tail -f /dev/null`: what only waits. Models coreutils' and busybox's `sleep` and the pause container.

use crate::sim::{Span, Time};
use crate::workload::process::Program;
use crate::workload::{Ctx, Effect, Input};

/// A process that waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sleep {
    /// For how long; `None` for ever.
    span: Option<Span>,
    until: Option<Time>,
    /// The signals that end it, each with its exit code; a first process without handlers ignores the others.
    ends_on: Vec<(u8, u8)>,
    /// It takes ever more memory, and is killed when it has waited.
    hungry: bool,
}

impl Sleep {
    /// `sleep N`, which as the first process of a container ignores SIGTERM.
    pub fn plain(span: Option<Span>) -> Sleep {
        Sleep { span, until: None, ends_on: Vec::new(), hungry: false }
    }

    /// A program that takes all memory within three seconds.
    pub fn hungry() -> Sleep {
        Sleep { span: Some(Span::secs(3)), until: None, ends_on: Vec::new(), hungry: true }
    }

    /// A program that waits for ever and ends well on SIGTERM and SIGINT (pause).
    pub fn pause() -> Sleep {
        Sleep {
            span: None,
            until: None,
            ends_on: vec![(crate::workload::SIGTERM, 0), (crate::workload::SIGINT, 0)],
            hungry: false,
        }
    }
}

/// How long `1.5`, `2m`, `infinity` is; `Ok(None)` for ever, `Err` if it is no time.
#[expect(clippy::result_unit_err, reason = "there is one way in which a text is no time")]
pub fn parse_span(text: &str) -> Result<Option<Span>, ()> {
    if matches!(text, "infinity" | "inf") {
        return Ok(None);
    }
    let (number, unit) = match text.chars().last() {
        Some('s') => (&text[..text.len() - 1], 1),
        Some('m') => (&text[..text.len() - 1], 60),
        Some('h') => (&text[..text.len() - 1], 3_600),
        Some('d') => (&text[..text.len() - 1], 86_400),
        _ => (text, 1_u64),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return Err(());
    }
    let seconds = if whole.is_empty() { 0 } else { whole.parse::<u64>().unwrap_or(u64::MAX) };
    let nanos: u64 = format!("{fraction:0<9}").get(..9).and_then(|n| n.parse().ok()).unwrap_or(0);
    Ok(Some(Span(seconds.saturating_mul(1_000_000_000).saturating_add(nanos).saturating_mul(unit))))
}

impl Program for Sleep {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => {
                self.until = self.span.map(|span| ctx.now + span);
                ctx.push(Effect::Usage { cpu_millis: 0, memory: 700_000 });
            }
            Input::Signal(signal) => {
                if let Some((_, code)) = self.ends_on.iter().find(|(s, _)| *s == signal) {
                    self.until = None;
                    ctx.exit(*code);
                }
                return;
            }
            _ => {}
        }
        if self.until.is_some_and(|until| until <= ctx.now) {
            self.until = None;
            if self.hungry {
                ctx.push(Effect::OutOfMemory);
            }
            ctx.exit(0);
        }
    }

    fn wake_at(&self) -> Option<Time> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_coreutils_does() {
        for (text, want) in [
            ("3", Ok(Some(Span::secs(3)))),
            ("0.5", Ok(Some(Span::millis(500)))),
            ("2m", Ok(Some(Span::mins(2)))),
            ("infinity", Ok(None)),
            ("x", Err(())),
            ("", Err(())),
        ] {
            assert_eq!(parse_span(text), want, "{text}");
        }
    }
}
