//! Lengths of time as tables show them. Models `k8s.io/apimachinery/pkg/util/duration/duration.go` (`HumanDuration`).

/// `45s`, `3m10s`, `47h`, `2d3h`, `1y20d`: the two greatest units, the smaller one only while it says something.
pub fn human(seconds: i64) -> String {
    let two = |big: i64, big_unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{big}{big_unit}") } else { format!("{big}{big_unit}{small}{small_unit}") }
    };
    if seconds < -1 {
        return "<invalid>".into();
    }
    let seconds = seconds.max(0);
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 24 * 8 => two(hours / 24, "d", hours % 24, "h"),
        () if hours < 24 * 365 * 2 => format!("{}d", hours / 24),
        () if hours < 24 * 365 * 8 => two(hours / 24 / 365, "y", hours / 24 % 365, "d"),
        () => format!("{}y", hours / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn a_length_of_time_is_shown_in_its_two_greatest_units() {
        for (seconds, text) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (119, "119s"),
            (120, "2m"),
            (190, "3m10s"),
            (600, "10m"),
            (3 * 3_600, "3h"),
            (47 * 3_600, "47h"),
            (49 * 3_600, "2d1h"),
            (24 * 3_600 * 8, "8d"),
            (24 * 3_600 * 365 * 2, "2y"),
            (24 * 3_600 * (365 * 2 + 3), "2y3d"),
        ] {
            assert_eq!(human(seconds), text);
        }
    }
}
