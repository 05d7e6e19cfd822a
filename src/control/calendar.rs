//! Maps virtual time to calendar time: the moment at which the simulation began, plus what has passed since.

use crate::api::{MicroTime, Timestamp};
use crate::sim::Time;

/// The calendar of one simulation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Calendar {
    epoch: Timestamp,
}

impl Calendar {
    /// The calendar of a simulation that began at `epoch`.
    pub fn new(epoch: Timestamp) -> Calendar {
        Calendar { epoch }
    }

    /// Nanoseconds since the Unix epoch.
    pub fn nanos(self, now: Time) -> u64 {
        u64::try_from(self.epoch.0).unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(now.0)
    }

    /// The second in which `now` lies.
    pub fn timestamp(self, now: Time) -> Timestamp {
        Timestamp(self.epoch.0.saturating_add(i64::try_from(now.as_secs()).unwrap_or(i64::MAX)))
    }

    /// The microsecond in which `now` lies.
    pub fn micros(self, now: Time) -> MicroTime {
        let micros = i64::try_from(now.0 / 1_000).unwrap_or(i64::MAX);
        MicroTime(self.epoch.0.saturating_mul(1_000_000).saturating_add(micros))
    }

    /// The virtual time at which a second of the calendar begins; the start for anything before it.
    pub fn time(self, at: Timestamp) -> Time {
        let seconds = u64::try_from(at.0.saturating_sub(self.epoch.0)).unwrap_or(0);
        Time(seconds.saturating_mul(1_000_000_000))
    }

    /// The virtual time of a microsecond of the calendar; the start for anything before it.
    pub fn micro_time(self, at: MicroTime) -> Time {
        let micros = u64::try_from(at.0.saturating_sub(self.epoch.0.saturating_mul(1_000_000))).unwrap_or(0);
        Time(micros.saturating_mul(1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_and_calendar_time_map_to_each_other() {
        let calendar = Calendar::new(Timestamp(1_767_225_600));
        let now = Time(61_500_000_000);
        assert_eq!(calendar.timestamp(now), Timestamp(1_767_225_661));
        assert_eq!(calendar.micros(now), MicroTime(1_767_225_661_500_000));
        assert_eq!(calendar.time(Timestamp(1_767_225_661)), Time(61_000_000_000));
        assert_eq!(calendar.time(Timestamp(0)), Time::ZERO);
    }
}
