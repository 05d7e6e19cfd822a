//! The CPU time of a container, and what its limit does to it.
//!
//! Models the kernel's CFS bandwidth control: in each period of 100 ms the threads of a container get at most its quota; what
//! is left waits for the next period. A thread takes one core at most; so many threads run at once as there is work.
//! Differs: containers do not compete for a node's cores; who could tell: `kubectl top node` of an overloaded node.

use crate::sim::{Span, Time, VecMap};

/// `cpu.cfs_period_us`.
const PERIOD: Span = Span::millis(100);

/// The CPU time that a container has used and will use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cpu {
    /// Thousandths of a core that it may use; `None`: all cores.
    limit: Option<u64>,
    /// Thousandths of a core that it uses all the time.
    steady: u64,
    /// Up to here steady use is in `used`.
    since: Time,
    /// CPU time that is over and done.
    used: Span,
    /// CPU time by period, of those that are not over yet.
    periods: VecMap<u64, Span>,
}

impl Cpu {
    /// Of a container with this limit, in thousandths of a core; 0 is none.
    pub fn new(limit: u64) -> Cpu {
        Cpu { limit: Some(limit).filter(|limit| *limit > 0), ..Cpu::default() }
    }

    /// It may use so many thousandths of a core from now on; 0: all cores.
    pub fn set_limit(&mut self, limit: u64, now: Time) {
        self.settle(now);
        self.limit = Some(limit).filter(|limit| *limit > 0);
        self.set_steady(self.steady, now);
    }

    /// Thousandths of a core that it uses all the time.
    pub fn steady(&self) -> u64 {
        self.steady
    }

    /// From now on it uses so many thousandths of a core all the time, as far as the limit lets it.
    pub fn set_steady(&mut self, millis: u64, now: Time) {
        self.used = self.used + share(self.steady, now.since(self.since));
        self.since = now;
        self.steady = self.limit.map_or(millis, |limit| limit.min(millis));
    }

    /// One thread computes for `cost`, beginning now; when it is done.
    pub fn compute(&mut self, cost: Span, now: Time) -> Time {
        self.settle(now);
        let (mut left, mut at) = (cost, now);
        while left > Span::ZERO {
            let period = period_of(at);
            let end = Time((period + 1) * PERIOD.0);
            let spent = self.periods.entry(period).or_default();
            let room = match self.limit {
                // What it uses all the time comes first, but never takes everything.
                Some(limit) => share(limit - self.steady.min(limit - 1), PERIOD).0.saturating_sub(spent.0),
                None => u64::MAX,
            };
            let run = left.0.min(room).min(end.since(at).0);
            spent.0 += run;
            left = Span(left.0 - run);
            at = if left > Span::ZERO { end } else { at + Span(run) };
        }
        at
    }

    /// The CPU time used until the last period that is over, and when that was.
    pub fn used(&self, now: Time) -> (Span, Time) {
        let period = period_of(now);
        let at = Time(period * PERIOD.0);
        let work: u64 = self.periods.iter().filter(|(p, _)| **p < period).map(|(_, spent)| spent.0).sum();
        let steady = share(self.steady, Span(at.0.saturating_sub(self.since.0)));
        (Span(self.used.0 + work + steady.0), at)
    }

    /// The container is over: it uses nothing any more; what it has used.
    pub fn stop(&mut self, now: Time) -> Span {
        self.set_steady(0, now);
        self.settle(now);
        self.periods.clear();
        self.used
    }

    /// Puts what was computed in periods that are over together.
    fn settle(&mut self, now: Time) {
        let period = period_of(now);
        while let Some((first, spent)) = self.periods.first_key_value().filter(|(first, _)| **first < period) {
            let first = *first;
            self.used = self.used + *spent;
            self.periods.remove(&first);
        }
    }
}

fn period_of(at: Time) -> u64 {
    at.0 / PERIOD.0
}

/// So many thousandths of a time.
fn share(millis: u64, of: Span) -> Span {
    Span(u64::try_from(u128::from(of.0) * u128::from(millis) / 1_000).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(at: u64) -> Time {
        Time::ZERO + Span::millis(at)
    }

    #[test]
    fn work_takes_its_own_time_without_a_limit() {
        let mut cpu = Cpu::new(0);
        assert_eq!(cpu.compute(Span::millis(30), millis(250)), millis(280));
        // A second thread runs beside the first.
        assert_eq!(cpu.compute(Span::millis(30), millis(250)), millis(280));
        assert_eq!(cpu.used(millis(299)), (Span::ZERO, millis(200)));
        assert_eq!(cpu.used(millis(300)), (Span::millis(60), millis(300)));
    }

    #[test]
    fn a_limit_makes_work_wait_for_the_next_period() {
        let mut cpu = Cpu::new(200);
        // 20 ms of each 100 ms.
        assert_eq!(cpu.compute(Span::millis(50), millis(0)), millis(210));
        assert_eq!(cpu.compute(Span::millis(15), millis(10)), millis(305));
        assert_eq!(cpu.used(millis(400)).0, Span::millis(65));
    }

    #[test]
    fn usage_is_never_above_the_limit() {
        let mut cpu = Cpu::new(500);
        let mut early = None;
        for at in 0..900 {
            if at == 200 {
                early = Some(cpu.used(millis(2_000)));
            }
            cpu.compute(Span::millis(20), millis(at * 10));
        }
        let ((early, from), (late, to)) = (early.expect("it was asked"), cpu.used(millis(9_000)));
        assert_eq!((late.0 - early.0) * 1_000 / to.since(from).0, 500);
        cpu.set_steady(4_000, millis(9_000));
        assert_eq!(cpu.steady(), 500);
    }

    #[test]
    fn steady_use_adds_up() {
        let mut cpu = Cpu::new(0);
        cpu.set_steady(2, millis(1_000));
        assert_eq!(cpu.used(millis(2_000)).0, Span::millis(2));
        cpu.set_steady(0, millis(3_000));
        assert_eq!(cpu.used(millis(9_000)).0, Span::millis(4));
    }
}
