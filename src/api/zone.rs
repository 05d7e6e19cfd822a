//! Time zones: how far local time is from UTC, and when.
//!
//! Models what CronJobs need of Go's `time.LoadLocation`. The rules of today are known for the zones of the table, without
//! their history (who could tell: a schedule in a year before the rules of today).

use crate::api::Timestamp;

/// A time zone: an offset in minutes, and the summer time that is kept there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Zone {
    minutes: i16,
    summer: Summer,
}

/// When clocks are an hour ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Summer {
    /// Never.
    None,
    /// From the last Sunday of March to the last of October, both at 01:00 UTC.
    Europe,
    /// From the second Sunday of March to the first of November, both at 02:00 local time.
    America,
    /// From the first Sunday of October to the first of April, at 02:00 standard time.
    Australia,
    /// From the last Sunday of September to the first of April, at 02:00 standard time.
    NewZealand,
}

/// Offset in minutes, summer time, names.
const ZONES: &[(i16, Summer, &[&str])] = &[
    (0, Summer::None, &["UTC", "Etc/UTC", "Etc/GMT", "GMT", "Etc/UCT", "Zulu", "Africa/Abidjan", "Atlantic/Reykjavik"]),
    (0, Summer::Europe, &["Europe/London", "Europe/Dublin", "Europe/Lisbon"]),
    (
        60,
        Summer::Europe,
        &[
            "Europe/Berlin",
            "Europe/Paris",
            "Europe/Madrid",
            "Europe/Rome",
            "Europe/Amsterdam",
            "Europe/Brussels",
            "Europe/Vienna",
            "Europe/Zurich",
            "Europe/Warsaw",
            "Europe/Prague",
            "Europe/Budapest",
            "Europe/Stockholm",
            "Europe/Oslo",
            "Europe/Copenhagen",
            "CET",
        ],
    ),
    (60, Summer::None, &["Africa/Lagos", "Africa/Algiers"]),
    (
        120,
        Summer::Europe,
        &["Europe/Athens", "Europe/Helsinki", "Europe/Kyiv", "Europe/Bucharest", "Europe/Sofia", "EET"],
    ),
    (120, Summer::None, &["Africa/Johannesburg", "Africa/Cairo"]),
    (180, Summer::None, &["Europe/Moscow", "Europe/Istanbul", "Asia/Riyadh", "Africa/Nairobi"]),
    (240, Summer::None, &["Asia/Dubai"]),
    (300, Summer::None, &["Asia/Karachi", "Asia/Tashkent"]),
    (330, Summer::None, &["Asia/Kolkata", "Asia/Calcutta"]),
    (360, Summer::None, &["Asia/Dhaka"]),
    (420, Summer::None, &["Asia/Bangkok", "Asia/Jakarta", "Asia/Ho_Chi_Minh"]),
    (
        480,
        Summer::None,
        &["Asia/Shanghai", "Asia/Hong_Kong", "Asia/Singapore", "Asia/Taipei", "Asia/Manila", "Australia/Perth"],
    ),
    (540, Summer::None, &["Asia/Tokyo", "Asia/Seoul"]),
    (600, Summer::None, &["Australia/Brisbane"]),
    (600, Summer::Australia, &["Australia/Sydney", "Australia/Melbourne", "Australia/Hobart", "Australia/Canberra"]),
    (720, Summer::NewZealand, &["Pacific/Auckland"]),
    (-180, Summer::None, &["America/Sao_Paulo", "America/Argentina/Buenos_Aires", "America/Buenos_Aires"]),
    (-240, Summer::America, &["America/Halifax"]),
    (-300, Summer::America, &["America/New_York", "America/Toronto", "America/Detroit", "US/Eastern", "EST5EDT"]),
    (-300, Summer::None, &["America/Bogota", "America/Lima", "EST"]),
    (-360, Summer::America, &["America/Chicago", "US/Central", "CST6CDT", "America/Winnipeg"]),
    (-360, Summer::None, &["America/Mexico_City"]),
    (-420, Summer::America, &["America/Denver", "US/Mountain", "MST7MDT", "America/Edmonton"]),
    (-420, Summer::None, &["America/Phoenix", "MST"]),
    (-480, Summer::America, &["America/Los_Angeles", "America/Vancouver", "US/Pacific", "PST8PDT"]),
    (-540, Summer::America, &["America/Anchorage"]),
    (-600, Summer::None, &["Pacific/Honolulu", "HST"]),
];

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone { minutes: 0, summer: Summer::None };

    /// The zone of that name; `None` if it is not known.
    pub fn named(name: &str) -> Option<Zone> {
        if let Some(hours) = name.strip_prefix("Etc/GMT").and_then(|text| text.parse::<i16>().ok()) {
            // Signs are the wrong way round in these names.
            return ((-14..=12).contains(&hours)).then_some(Zone { minutes: -hours * 60, summer: Summer::None });
        }
        let (minutes, summer, _) = ZONES.iter().find(|(_, _, names)| names.contains(&name))?;
        Some(Zone { minutes: *minutes, summer: *summer })
    }

    /// Seconds by which local time is ahead of UTC at a moment.
    pub fn offset(self, at: Timestamp) -> i64 {
        let standard = i64::from(self.minutes) * 60;
        let (year, ..) = Timestamp(at.0 + standard).date();
        let local = at.0 + standard;
        let summer = match self.summer {
            Summer::None => false,
            Summer::Europe => at.0 >= last_sunday(year, 3) + 3_600 && at.0 < last_sunday(year, 10) + 3_600,
            Summer::America => local >= sunday(year, 3, 2) + 7_200 && local < sunday(year, 11, 1) + 3_600,
            Summer::Australia => local >= sunday(year, 10, 1) + 7_200 || local < sunday(year, 4, 1) + 7_200,
            Summer::NewZealand => local >= last_sunday(year, 9) + 7_200 || local < sunday(year, 4, 1) + 7_200,
        };
        standard + if summer { 3_600 } else { 0 }
    }

    /// The moment at which local clocks show `wall` (seconds, as if it were UTC); `None` if they never do.
    pub fn instant(self, wall: i64) -> Option<Timestamp> {
        let standard = i64::from(self.minutes) * 60;
        [standard + 3_600, standard]
            .into_iter()
            .map(|offset| Timestamp(wall - offset))
            .find(|at| at.0 + self.offset(*at) == wall)
    }
}

/// Midnight of the n-th Sunday of a month.
fn sunday(year: i64, month: i64, nth: i64) -> i64 {
    let first = Timestamp::of_date(year, month, 1).0 / 86_400;
    let to_sunday = (7 - (first + 4).rem_euclid(7)) % 7;
    (first + to_sunday + 7 * (nth - 1)) * 86_400
}

/// Midnight of the last Sunday of a month that has 30 or 31 days.
fn last_sunday(year: i64, month: i64) -> i64 {
    let fifth = sunday(year, month, 5);
    let (_, of, _) = Timestamp(fifth).date();
    if of == month { fifth } else { fifth - 7 * 86_400 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_change_when_they_do() {
        for (zone, at, hours) in [
            ("Europe/Berlin", "2026-03-29T00:59:59Z", 1),
            ("Europe/Berlin", "2026-03-29T01:00:00Z", 2),
            ("Europe/Berlin", "2026-10-25T01:00:00Z", 1),
            ("America/New_York", "2026-03-08T06:59:59Z", -5),
            ("America/New_York", "2026-03-08T07:00:00Z", -4),
            ("America/New_York", "2026-11-01T05:59:59Z", -4),
            ("America/New_York", "2026-11-01T06:00:00Z", -5),
            ("Australia/Sydney", "2026-01-01T00:00:00Z", 11),
            ("Australia/Sydney", "2026-07-01T00:00:00Z", 10),
            ("Etc/GMT+5", "2026-07-01T00:00:00Z", -5),
        ] {
            let offset = Zone::named(zone).expect(zone).offset(at.parse().expect("a time"));
            assert_eq!(offset, hours * 3_600, "{zone} at {at}");
        }
        assert_eq!(Zone::named("Mars/Base"), None);
    }
}
