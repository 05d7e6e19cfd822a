//! Cron schedules: when a CronJob is due.
//!
//! Models `github.com/robfig/cron/v3` (`parser.go`, `spec.go`): five fields, descriptors, `@every`. All times are UTC but for
//! zones with a fixed offset; of the zones with summer time the common rules are known ([`crate::api::zone`]).

use crate::api::Timestamp;
use crate::api::zone::Zone;

/// A schedule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// At the minutes that five fields choose.
    Fields(Fields),
    /// Again and again after so many seconds.
    Every(i64),
}

/// What the five fields choose, each as bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fields {
    minute: u64,
    hour: u64,
    day: u64,
    month: u64,
    weekday: u64,
    zone: Zone,
}

/// Set in the bits of a field that was `*` or `?`.
const STAR: u64 = 1 << 63;
/// No schedule is looked for further than so many years ahead.
const YEARS: i64 = 5;

struct Bounds {
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

const MINUTES: Bounds = Bounds { min: 0, max: 59, names: &[] };
const HOURS: Bounds = Bounds { min: 0, max: 23, names: &[] };
const DAYS: Bounds = Bounds { min: 1, max: 31, names: &[] };
const MONTHS: Bounds = Bounds {
    min: 1,
    max: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAYS: Bounds = Bounds { min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

impl Schedule {
    /// Reads `*/5 * * * *`, `@hourly`, `@every 1h30m` or `TZ=Etc/UTC 0 4 * * *`.
    ///
    /// # Errors
    /// Upstream's words about what does not parse.
    pub fn parse(spec: &str) -> Result<Schedule, String> {
        if spec.is_empty() {
            return Err("empty spec string".into());
        }
        let (zone, spec) = split_zone(spec)?;
        if spec.starts_with('@') {
            return descriptor(spec, zone);
        }
        let fields: Vec<&str> = spec.split_whitespace().collect();
        if fields.len() != 5 {
            return Err(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" ")));
        }
        Ok(Schedule::Fields(Fields {
            minute: field(fields[0], &MINUTES)?,
            hour: field(fields[1], &HOURS)?,
            day: field(fields[2], &DAYS)?,
            month: field(fields[3], &MONTHS)?,
            weekday: field(fields[4], &WEEKDAYS)?,
            zone,
        }))
    }

    /// The first time after `after`; `None` if there is none in five years.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Schedule::Every(seconds) => Some(Timestamp(after.0.saturating_add(*seconds))),
            Schedule::Fields(fields) => fields.next(after),
        }
    }
}

/// Takes `TZ=…` or `CRON_TZ=…` off the front.
fn split_zone(spec: &str) -> Result<(Zone, &str), String> {
    let Some(rest) = spec.strip_prefix("TZ=").or_else(|| spec.strip_prefix("CRON_TZ=")) else {
        return Ok((Zone::UTC, spec));
    };
    let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let zone = Zone::named(name).ok_or_else(|| format!("provided bad location {name}: unknown time zone {name}"))?;
    Ok((zone, rest.trim()))
}

fn descriptor(spec: &str, zone: Zone) -> Result<Schedule, String> {
    let all = |b: &Bounds| bits(b.min, b.max, 1) | STAR;
    let first = |b: &Bounds| 1 << b.min;
    let fields = |hour, day, month, weekday| {
        Ok(Schedule::Fields(Fields { minute: first(&MINUTES), hour, day, month, weekday, zone }))
    };
    match spec {
        "@yearly" | "@annually" => fields(first(&HOURS), first(&DAYS), first(&MONTHS), all(&WEEKDAYS)),
        "@monthly" => fields(first(&HOURS), first(&DAYS), all(&MONTHS), all(&WEEKDAYS)),
        "@weekly" => fields(first(&HOURS), all(&DAYS), all(&MONTHS), first(&WEEKDAYS)),
        "@daily" | "@midnight" => fields(first(&HOURS), all(&DAYS), all(&MONTHS), all(&WEEKDAYS)),
        "@hourly" => fields(all(&HOURS), all(&DAYS), all(&MONTHS), all(&WEEKDAYS)),
        _ => match spec.strip_prefix("@every ") {
            Some(text) => {
                let nanos = go_duration(text).map_err(|e| format!("failed to parse duration {spec}: {e}"))?;
                Ok(Schedule::Every((nanos / 1_000_000_000).max(1)))
            }
            None => Err(format!("unrecognized descriptor: {spec}")),
        },
    }
}

/// Nanoseconds of `1h30m`, as Go's `time.ParseDuration` reads it.
fn go_duration(text: &str) -> Result<i64, String> {
    let wrong = || format!("time: invalid duration {text:?}");
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total = 0_i64;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, after) = rest.split_at(number);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        if digits.is_empty() || digits == "." {
            return Err(wrong());
        }
        let scale = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return Err(format!("time: missing unit in duration {text:?}")),
            other => return Err(format!("time: unknown unit {other:?} in duration {text:?}")),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
        let mut part = whole.checked_mul(scale).ok_or_else(wrong)?;
        let mut place = scale;
        for digit in fraction.bytes() {
            place /= 10;
            part += i64::from(digit.saturating_sub(b'0')) * place;
        }
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = after;
    }
    Ok(sign * total)
}

/// The bits of a comma-separated list of ranges.
fn field(text: &str, bounds: &Bounds) -> Result<u64, String> {
    text.split(',').filter(|part| !part.is_empty()).try_fold(0, |known, part| Ok(known | range(part, bounds)?))
}

/// The bits of `number | number "-" number [ "/" number ]`.
fn range(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let ends: Vec<&str> = parts[0].split('-').collect();
    let single = ends.len() == 1;
    let mut star = 0;
    let (start, mut end) = if matches!(ends[0], "*" | "?") {
        star = STAR;
        (bounds.min, bounds.max)
    } else {
        let start = number_or_name(ends[0], bounds)?;
        match ends.len() {
            1 => (start, start),
            2 => (start, number_or_name(ends[1], bounds)?),
            _ => return Err(format!("too many hyphens: {text}")),
        }
    };
    let step = match parts.len() {
        1 => 1,
        2 => {
            let step = number(parts[1])?;
            if single {
                end = bounds.max;
            }
            if step > 1 {
                star = 0;
            }
            step
        }
        _ => return Err(format!("too many slashes: {text}")),
    };
    if start < bounds.min {
        return Err(format!("beginning of range ({start}) below minimum ({}): {text}", bounds.min));
    }
    if end > bounds.max {
        return Err(format!("end of range ({end}) above maximum ({}): {text}", bounds.max));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    Ok(bits(start, end, step) | star)
}

fn bits(min: u32, max: u32, step: u32) -> u64 {
    (min..=max).step_by(step as usize).fold(0, |known, bit| known | 1 << bit)
}

fn number_or_name(text: &str, bounds: &Bounds) -> Result<u32, String> {
    let lower = text.to_lowercase();
    match bounds.names.iter().position(|name| *name == lower) {
        Some(place) => Ok(bounds.min + u32::try_from(place).unwrap_or(0)),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u32, String> {
    let parsed: Result<i64, _> = text.parse();
    match parsed {
        Ok(n) if n < 0 => Err(format!("negative number ({n}) not allowed: {text}")),
        Ok(n) => Ok(u32::try_from(n).unwrap_or(u32::MAX)),
        Err(_) => {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let why = if digits { "value out of range" } else { "invalid syntax" };
            Err(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {why}"))
        }
    }
}

impl Fields {
    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        // The next whole minute, in the zone's own time.
        let start = (after.0.div_euclid(60) + 1) * 60;
        let local = start + self.zone.offset(Timestamp(start));
        let mut day = local.div_euclid(86_400);
        let mut minute = local.rem_euclid(86_400) / 60;
        let (last, ..) = Timestamp(local).date();
        loop {
            let (year, month, of_month) = Timestamp(day * 86_400).date();
            if year > last + YEARS {
                return None;
            }
            if self.chooses_day(day, month, of_month)
                && let Some(found) = (minute..1_440).find(|m| self.chooses_minute(*m))
            {
                let wall = day * 86_400 + found * 60;
                if let Some(at) = self.zone.instant(wall).filter(|at| *at > after) {
                    return Some(at);
                }
                // The zone skips this time of day.
                minute = found + 1;
                continue;
            }
            day += 1;
            minute = 0;
        }
    }

    fn chooses_minute(&self, minute: i64) -> bool {
        self.hour >> (minute / 60) & 1 == 1 && self.minute >> (minute % 60) & 1 == 1
    }

    /// A day must be chosen by both fields if one of them is `*`, else by any.
    fn chooses_day(&self, day: i64, month: i64, of_month: i64) -> bool {
        if self.month >> month & 1 == 0 {
            return false;
        }
        let weekday = (day + 4).rem_euclid(7);
        let (by_day, by_weekday) = (self.day >> of_month & 1 == 1, self.weekday >> weekday & 1 == 1);
        if self.day & STAR > 0 || self.weekday & STAR > 0 { by_day && by_weekday } else { by_day || by_weekday }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_time_is_upstreams() {
        for (spec, after, next) in [
            ("* * * * *", "2026-11-21T00:00:00Z", "2026-11-21T00:01:00Z"),
            ("*/15 * * * *", "2026-11-21T00:46:13Z", "2026-11-21T01:00:00Z"),
            ("0 0 29 2 *", "2026-11-21T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("30 6-16/4 * * 1-5", "2016-05-20T14:31:00Z", "2016-05-23T06:30:00Z"),
            ("0 0 13 * FRI", "2026-11-21T00:00:00Z", "2026-11-27T00:00:00Z"),
            ("@hourly", "2026-11-21T00:00:00Z", "2026-11-21T01:00:00Z"),
            ("@weekly", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
            ("@every 90m", "2026-11-21T00:00:10Z", "2026-11-21T01:30:10Z"),
            ("TZ=Asia/Tokyo 30 4 * * *", "2026-11-21T00:00:00Z", "2026-11-21T19:30:00Z"),
            ("TZ=America/New_York 30 2 * * *", "2026-03-08T06:00:00Z", "2026-03-09T06:30:00Z"),
        ] {
            let found = Schedule::parse(spec).expect(spec).next(after.parse().expect("a time"));
            assert_eq!(found.map(|t| t.to_string()).as_deref(), Some(next), "{spec}");
        }
        assert_eq!(Schedule::parse("59 23 31 2 *").expect("parses").next(Timestamp(0)), None);
    }

    #[test]
    fn what_does_not_parse_is_refused_in_upstreams_words() {
        for (spec, words) in [
            ("", "empty spec string"),
            ("61 * * * *", "end of range (61) above maximum (59): 61"),
            ("* * *", "expected exactly 5 fields, found 3: [* * *]"),
            ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("a * * * *", "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("@never", "unrecognized descriptor: @never"),
            ("@every x", "failed to parse duration @every x: time: invalid duration \"x\""),
            ("TZ=Mars/Base * * * * *", "provided bad location Mars/Base: unknown time zone Mars/Base"),
        ] {
            assert_eq!(Schedule::parse(spec), Err(words.to_owned()), "{spec}");
        }
    }
}
