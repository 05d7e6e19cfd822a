//! `sleep`, `pause`, `tail -f /dev/null`: what only waits. Models coreutils' and busybox's `sleep` and the pause container.

use crate::sim::{Span, Time};
use crate::workload::process::Program;
use crate::workload::{Ctx, Effect, Input};

/// What the processes of the control plane use: thousandths of a core, bytes.
const CONTROL_PLANE: [(&str, u32, u64); 4] = [
    ("etcd", 20, 62 << 20),
    ("kube-apiserver", 45, 248 << 20),
    ("kube-controller-manager", 15, 54 << 20),
    ("kube-scheduler", 4, 40 << 20),
];
/// What anything else uses that only waits, in bytes.
const MEMORY: u64 = 700_000;

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
    /// What it uses: thousandths of a core, bytes.
    cpu_millis: u32,
    memory: u64,
}

impl Sleep {
    /// `sleep N`, which as the first process of a container ignores SIGTERM.
    pub fn plain(span: Option<Span>) -> Sleep {
        Sleep { span, until: None, ends_on: Vec::new(), hungry: false, cpu_millis: 0, memory: MEMORY }
    }

    /// A program that takes all memory within three seconds.
    pub fn hungry() -> Sleep {
        Sleep { hungry: true, ..Sleep::plain(Some(Span::secs(3))) }
    }

    /// What stands in its container for a process of the control plane, which runs elsewhere in the simulation; `None` if the
    /// name is none.
    pub fn standing_for(name: &str) -> Option<Sleep> {
        let (_, cpu_millis, memory) = CONTROL_PLANE.into_iter().find(|(known, ..)| *known == name)?;
        Some(Sleep { cpu_millis, memory, ..Sleep::pause() })
    }

    /// A program that waits for ever and ends well on SIGTERM and SIGINT (pause).
    pub fn pause() -> Sleep {
        let ends_on = vec![(crate::workload::SIGTERM, 0), (crate::workload::SIGINT, 0)];
        Sleep { ends_on, ..Sleep::plain(None) }
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
                ctx.push(Effect::Usage { cpu_millis: self.cpu_millis, memory: self.memory });
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
