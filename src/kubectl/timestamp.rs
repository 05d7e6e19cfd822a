//! Calendar times: RFC 3339 to Unix seconds and back, and the forms that kubectl prints. No wall clock.

use crate::sim::Time;

/// A date and a time of day, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Civil {
    /// The year.
    pub year: i64,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day of the month.
    pub day: u8,
    /// Hour, minute, second.
    pub hms: (u8, u8, u8),
    /// The day of the week, 0 is Sunday.
    pub weekday: u8,
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// The calendar time of a Unix time in seconds.
pub fn civil(unix: i64) -> Civil {
    let (days, second) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    Civil {
        year: yoe + era * 400 + i64::from(month <= 2),
        month: month as u8,
        day: (doy - (153 * mp + 2) / 5 + 1) as u8,
        hms: ((second / 3600) as u8, (second / 60 % 60) as u8, (second % 60) as u8),
        weekday: (days + 4).rem_euclid(7) as u8,
    }
}

/// The Unix time, in seconds, of an RFC 3339 time; fractions are cut.
pub fn parse(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let zone = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), ..] if zone.len() == 6 => {
            let seconds = zone.get(1..3)?.parse::<i64>().ok()? * 3600 + zone.get(4..6)?.parse::<i64>().ok()? * 60;
            if *sign == b'+' { seconds } else { -seconds }
        }
        _ => return None,
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second - offset)
}

/// `Sat, 21 Nov 2026 00:52:44 +0000`, as `describe` prints times.
pub fn rfc1123z(unix: i64) -> String {
    let Civil { year, month, day, hms: (h, m, s), weekday } = civil(unix);
    let (day_name, month_name) = (DAYS[weekday as usize], MONTHS[month as usize - 1]);
    format!("{day_name}, {day:02} {month_name} {year:04} {h:02}:{m:02}:{s:02} +0000")
}

/// `2026-11-21T00:52:44Z`.
pub fn rfc3339(unix: i64) -> String {
    let Civil { year, month, day, hms: (h, m, s), .. } = civil(unix);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z")
}

/// Reads an RFC 3339 time as Go does.
///
/// # Errors
/// `parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"`.
pub fn go_rfc3339(text: &str) -> Result<i64, String> {
    const LAYOUT: [&str; 12] = ["2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05", "Z07:00"];
    if let Some(unix) = parse(text) {
        return Ok(unix);
    }
    let mut rest = text;
    for part in &LAYOUT[..11] {
        let (head, tail) = rest.split_at_checked(part.len()).unwrap_or((rest, ""));
        let fits = match part.as_bytes()[0] {
            b'0'..=b'9' => head.len() == part.len() && head.bytes().all(|byte| byte.is_ascii_digit()),
            _ => head == *part,
        };
        if !fits {
            return Err(format!("parsing time {text:?} as {:?}: cannot parse {rest:?} as {part:?}", LAYOUT.concat()));
        }
        rest = tail;
    }
    let (month, day) = (text.get(5..7).unwrap_or(""), text.get(8..10).unwrap_or(""));
    if !("01"..="12").contains(&month) {
        return Err(format!("parsing time {text:?}: month out of range"));
    }
    if !("01"..="31").contains(&day) {
        return Err(format!("parsing time {text:?}: day out of range"));
    }
    Err(format!("parsing time {text:?} as {:?}: cannot parse {rest:?} as \"Z07:00\"", LAYOUT.concat()))
}

/// The head of a klog line: `1121 00:52:44.123456`.
pub fn klog(epoch: i64, at: Time) -> String {
    let Civil { month, day, hms: (h, m, s), .. } = civil(epoch + at.as_secs() as i64);
    format!("{month:02}{day:02} {h:02}:{m:02}:{s:02}.{:06}", at.0 / 1_000 % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_to_seconds_and_back() {
        for text in ["1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2026-11-21T00:52:44Z", "1969-12-31T23:59:59Z"] {
            assert_eq!(rfc3339(parse(text).unwrap()), text);
        }
        assert_eq!(parse("2026-11-21T01:52:44.123+01:00"), parse("2026-11-21T00:52:44Z"));
        assert_eq!(parse("nonsense"), None);
        assert_eq!(rfc1123z(parse("2026-11-21T00:52:44Z").unwrap()), "Sat, 21 Nov 2026 00:52:44 +0000");
    }
}
