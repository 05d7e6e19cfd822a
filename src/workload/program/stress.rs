//! `stress`: takes memory and computes, for a time or for ever. Models `stress` 1.0.

use crate::sim::{Span, Time};
use crate::workload::process::Program;
use crate::workload::program::sleep::parse_span;
use crate::workload::{Ctx, Effect, Input};

/// What a worker of `--vm` takes if nothing is said, in bytes.
const VM_BYTES: u64 = 256 << 20;

/// What the process takes beside its workers, in bytes.
const OWN: u64 = 1 << 20;

/// A `stress` that runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stress {
    /// Its workers: those that compute, that synchronise, that take memory, that write.
    hogs: [u64; 4],
    bytes: u64,
    /// Whether the workers that have their memory rest (`--vm-hang`).
    rests: bool,
    span: Option<Span>,
    until: Option<Time>,
    /// What is wrong with the command line.
    refused: Option<String>,
}

impl Stress {
    /// From its arguments.
    pub fn new(args: &[&str]) -> Stress {
        let plain = Stress { hogs: [0; 4], bytes: VM_BYTES, rests: false, span: None, until: None, refused: None };
        let mut stress = plain.clone();
        let mut words = args.iter().copied();
        while let Some(word) = words.next() {
            let (name, given) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            if matches!(name, "-v" | "--verbose" | "-q" | "--quiet" | "--vm-keep") {
                continue;
            }
            let Some(value) = given.or_else(|| words.next()) else {
                return Stress { refused: Some(format!("missing argument to option '{name}'")), ..plain };
            };
            let understood = match name {
                "-c" | "--cpu" => amount(value).map(|n| stress.hogs[0] = n),
                "-i" | "--io" => amount(value).map(|n| stress.hogs[1] = n),
                "-m" | "--vm" => amount(value).map(|n| stress.hogs[2] = n),
                "-d" | "--hdd" => amount(value).map(|n| stress.hogs[3] = n),
                "--vm-bytes" => amount(value).map(|n| stress.bytes = n),
                "--vm-hang" => amount(value).map(|_| stress.rests = true),
                "-t" | "--timeout" => parse_span(value).ok().map(|span| stress.span = span),
                "--backoff" | "--vm-stride" | "--hdd-bytes" => amount(value).map(|_| ()),
                _ => return Stress { refused: Some(format!("unrecognized option: {name}")), ..plain },
            };
            if understood.is_none() {
                return Stress { refused: Some(format!("could not understand argument '{value}'")), ..plain };
            }
        }
        if stress.hogs == [0; 4] {
            stress.refused = Some("no workers are asked for: --cpu, --io, --vm or --hdd".into());
        }
        stress
    }
}

/// A number with a unit of powers of 1,024.
fn amount(text: &str) -> Option<u64> {
    let (digits, factor) = match text.chars().last()? {
        'K' | 'k' => (&text[..text.len() - 1], 1 << 10),
        'M' | 'm' => (&text[..text.len() - 1], 1 << 20),
        'G' | 'g' => (&text[..text.len() - 1], 1 << 30),
        'B' | 'b' => (&text[..text.len() - 1], 1),
        _ => (text, 1_u64),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

impl Program for Stress {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        if let (Input::Start, Some(words)) = (&input, &self.refused) {
            ctx.eprint(format!("stress: FAIL: [1] (244) {words}\n"));
            return ctx.exit(1);
        }
        if let Input::Start = input {
            let [cpu, io, vm, hdd] = self.hogs;
            ctx.print(format!("stress: info: [1] dispatching hogs: {cpu} cpu, {io} io, {vm} vm, {hdd} hdd\n"));
            let busy = cpu + io + hdd + if self.rests { 0 } else { vm };
            let cpu_millis = u32::try_from(busy.saturating_mul(1_000)).unwrap_or(u32::MAX);
            ctx.push(Effect::Usage { cpu_millis, memory: OWN.saturating_add(vm.saturating_mul(self.bytes)) });
            self.until = self.span.map(|span| ctx.now + span);
        }
        if self.until.is_some_and(|until| until <= ctx.now) {
            self.until = None;
            let seconds = self.span.map_or(0, |span| span.0 / 1_000_000_000);
            ctx.print(format!("stress: info: [1] successful run completed in {seconds}s\n"));
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
    fn workers_and_their_memory_are_read_from_the_arguments() {
        let stress = Stress::new(&["--vm", "2", "--vm-bytes=150M", "--vm-hang", "1", "-t", "10s"]);
        assert_eq!((stress.hogs, stress.bytes, stress.rests), ([0, 0, 2, 0], 150 << 20, true));
        assert_eq!((stress.span, stress.refused), (Some(Span::secs(10)), None));
        assert!(Stress::new(&["--vm", "x"]).refused.is_some());
        assert!(Stress::new(&["--nope", "1"]).refused.is_some());
        assert!(Stress::new(&[]).refused.is_some());
    }
}
