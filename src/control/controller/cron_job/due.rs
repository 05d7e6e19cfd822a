//! When a CronJob is, was and will be due.
//!
//! Models `pkg/controller/cronjob/utils.go`.

use crate::api::Timestamp;
use crate::api::cron::Schedule;

/// More missed times than this are too many.
const TOO_MANY: i64 = 100;

/// What of a CronJob matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Times {
    /// When it was created.
    pub created: Timestamp,
    /// When it last was due and served.
    pub last: Option<Timestamp>,
    /// For how many seconds a missed time can still be served.
    pub deadline: Option<i64>,
}

/// How many times were missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Missed {
    /// None, or one.
    None,
    /// Some.
    Few,
    /// More than a hundred.
    Many,
}

/// The last time at which a CronJob was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Due {
    /// Where the search began.
    pub earliest: Timestamp,
    /// The time; `None` if it was not due yet.
    pub at: Option<Timestamp>,
    /// How many were missed.
    pub missed: Missed,
}

/// The last time at which a CronJob was due (`mostRecentScheduleTime`).
///
/// # Errors
/// The schedule never comes round.
pub fn most_recent(times: &Times, now: Timestamp, schedule: &Schedule, heed_deadline: bool) -> Result<Due, String> {
    let mut earliest = times.last.unwrap_or(times.created);
    if let Some(deadline) = times.deadline.filter(|_| heed_deadline) {
        earliest = earliest.max(Timestamp(now.0.saturating_sub(deadline)));
    }
    let none = |at| Due { earliest, at, missed: Missed::None };
    let never = || "time difference between two schedules is less than 1 second".to_owned();
    let first = schedule.next(earliest).ok_or_else(never)?;
    if now < first {
        return Ok(none(None));
    }
    let second = schedule.next(first).ok_or_else(never)?;
    if now < second {
        return Ok(none(Some(first)));
    }
    // A rough estimate: how often the first two times' distance fits in.
    let count = (now.0 - first.0) / (second.0 - first.0) + 1;
    let missed = if count > TOO_MANY { Missed::Many } else { Missed::Few };
    // From there on every time is looked at; an uneven schedule may have none.
    let from = Timestamp(first.0 + (count - 2) * (second.0 - first.0));
    let mut at = None;
    let mut next = schedule.next(from);
    while let Some(later) = next.filter(|later| *later <= now) {
        at = Some(later);
        next = schedule.next(later);
    }
    Ok(Due { earliest, at, missed })
}

/// The last time that is not served yet (`nextScheduleTime`).
///
/// # Errors
/// The schedule never comes round.
pub fn unmet(times: &Times, now: Timestamp, schedule: &Schedule) -> Result<Option<(Timestamp, Missed)>, String> {
    let due = most_recent(times, now, schedule, true)?;
    Ok(due.at.filter(|at| *at <= now).map(|at| (at, due.missed)))
}

/// When it will be due next (`nextScheduleTimeDuration`, less its tenth of a second).
pub fn next(times: &Times, now: Timestamp, schedule: &Schedule) -> Option<Timestamp> {
    let from = match most_recent(times, now, schedule, false) {
        Err(_) => now,
        Ok(Due { at: Some(at), .. }) => at,
        Ok(Due { at: None, missed: Missed::None, earliest }) => earliest,
        Ok(_) => now,
    };
    schedule.next(from)
}
