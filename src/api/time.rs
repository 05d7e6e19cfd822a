//! Points of calendar time as the API writes them. The simulation's clock is mapped to them by whoever makes an object.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Seconds since the Unix epoch; on the wire RFC 3339 in UTC, `2026-01-01T00:00:00Z` (`metav1.Time`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Microseconds since the Unix epoch; on the wire `2026-01-01T00:00:00.000000Z` (`metav1.MicroTime`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroTime(pub i64);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(86_400));
        let s = self.0.rem_euclid(86_400);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", s / 3_600, s / 60 % 60, s % 60)
    }
}

impl fmt::Display for MicroTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = Timestamp(self.0.div_euclid(1_000_000)).to_string();
        write!(f, "{}.{:06}Z", seconds.trim_end_matches('Z'), self.0.rem_euclid(1_000_000))
    }
}

impl MicroTime {
    /// The second in which it lies.
    pub fn to_timestamp(self) -> Timestamp {
        Timestamp(self.0.div_euclid(1_000_000))
    }
}

impl Timestamp {
    /// Year, month and day, in UTC.
    pub fn date(self) -> (i64, i64, i64) {
        civil(self.0.div_euclid(86_400))
    }

    /// The beginning of a day, in UTC.
    pub fn of_date(year: i64, month: i64, day: i64) -> Timestamp {
        Timestamp(days(year, month, day) * 86_400)
    }
}

/// Year, month and day of a number of days since 1970-01-01 (proleptic Gregorian calendar).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

/// Days since 1970-01-01 of a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// Microseconds since the epoch of an RFC 3339 text, with any offset.
fn parse(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let bytes = text.as_bytes();
    if text.len() < 20
        || bytes[4] != b'-'
        || bytes[7] != b'-'
        || bytes[10] != b'T'
        || bytes[13] != b':'
        || bytes[16] != b':'
    {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    let rest = text.get(19..)?;
    let digits = rest.strip_prefix('.').map_or(0, |r| r.bytes().take_while(u8::is_ascii_digit).count());
    let fraction = rest.get(1..=digits).unwrap_or("");
    let micros = format!("{fraction:0<6}").get(..6)?.parse::<i64>().ok()?;
    let offset = match rest.get(if digits > 0 { digits + 1 } else { 0 }..)? {
        "Z" => 0,
        zone if zone.len() == 6 => {
            let seconds = zone.get(1..3)?.parse::<i64>().ok()? * 3_600 + zone.get(4..6)?.parse::<i64>().ok()? * 60;
            if zone.starts_with('-') { -seconds } else { seconds }
        }
        _ => return None,
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    valid.then_some(seconds * 1_000_000 + micros)
}

impl std::str::FromStr for Timestamp {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        parse(text).map(|us| Timestamp(us.div_euclid(1_000_000))).ok_or(())
    }
}

impl std::str::FromStr for MicroTime {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        parse(text).map(MicroTime).ok_or(())
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(|()| D::Error::custom(format!("parsing time {text:?}: not RFC 3339")))
            }
        }
    };
}
as_text!(Timestamp);
as_text!(MicroTime);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_and_read_as_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
        ] {
            assert_eq!(Timestamp(seconds).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp(seconds)));
        }
        assert_eq!("2026-01-01T08:00:00.5+08:00".parse(), Ok(MicroTime(1_767_225_600_500_000)));
        assert_eq!(MicroTime(1_767_225_600_500_000).to_string(), "2026-01-01T00:00:00.500000Z");
        assert_eq!("yesterday, at about noon".parse::<Timestamp>(), Err(()));
    }
}
