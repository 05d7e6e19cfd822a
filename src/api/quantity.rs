//! Amounts of resources: `500m`, `64Mi`, `1e3`. Models `k8s.io/apimachinery/pkg/api/resource/quantity.go`.
//!
//! Kept exactly, in billionths, with the format in which it was written; printed canonically as upstream does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// One unit, in billionths.
const ONE: i128 = 1_000_000_000;
/// The most digits that upstream keeps in a machine word.
const SHORT: usize = 18;
/// The largest amount that is kept, in billionths: sums of a few of them fit.
const LARGEST: i128 = i128::MAX / 1_000;

const DECIMAL: &[(&str, i32)] =
    &[("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: &[(&str, u32)] = &[("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// An amount: cores, bytes or counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity {
    billionths: i128,
    format: Format,
}

/// How an amount was written, and so will be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Format {
    #[default]
    DecimalSi,
    BinarySi,
    DecimalExponent,
}

/// A text is not a quantity; its `Display` is upstream's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuantityError;

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    }
}

impl Quantity {
    /// So many thousandths: millicores.
    pub fn from_millis(millis: i64) -> Quantity {
        Quantity { billionths: i128::from(millis) * (ONE / 1_000), format: Format::DecimalSi }
    }

    /// So many billionths: what a CPU used.
    pub fn from_billionths(billionths: i64) -> Quantity {
        Quantity { billionths: i128::from(billionths), format: Format::DecimalSi }
    }

    /// So many units, written decimally.
    pub fn from_units(units: i64) -> Quantity {
        Quantity { billionths: i128::from(units) * ONE, format: Format::DecimalSi }
    }

    /// So many bytes, written with binary suffixes.
    pub fn from_bytes(bytes: i64) -> Quantity {
        Quantity { billionths: i128::from(bytes) * ONE, format: Format::BinarySi }
    }

    /// Units, rounded up (`Quantity.Value`).
    pub fn units(self) -> i64 {
        clamp(div_ceil(self.billionths, ONE))
    }

    /// Thousandths, rounded up (`Quantity.MilliValue`).
    pub fn millis(self) -> i64 {
        clamp(div_ceil(self.billionths, ONE / 1_000))
    }

    /// Rounded up to whole units, written as it is.
    #[must_use]
    pub fn whole(self) -> Quantity {
        Quantity { billionths: div_ceil(self.billionths, ONE) * ONE, ..self }
    }

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        self.billionths == 0
    }

    /// The sign: -1, 0 or 1.
    pub fn sign(self) -> i32 {
        i32::try_from(self.billionths.signum()).expect("a sign is small")
    }

    /// The sum, written as `self` is (as `other` if `self` is zero).
    #[must_use]
    pub fn plus(self, other: Quantity) -> Quantity {
        let format = if self.is_zero() { other.format } else { self.format };
        Quantity { billionths: self.billionths.saturating_add(other.billionths), format }
    }

    /// The difference, written as `self` is.
    #[must_use]
    pub fn minus(self, other: Quantity) -> Quantity {
        Quantity { billionths: self.billionths.saturating_sub(other.billionths), ..self }
    }
}

fn div_ceil(value: i128, by: i128) -> i128 {
    value.div_euclid(by) + i128::from(value.rem_euclid(by) != 0)
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Quantity, QuantityError> {
        let number_len = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
        let (number, suffix) = text.split_at(number_len);
        let (scale, format) = scale_of(suffix).ok_or(QuantityError)?;
        let (negative, digits) = match number.as_bytes().first() {
            Some(b'-') => (true, &number[1..]),
            Some(b'+') => (false, &number[1..]),
            _ => (false, number),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
            return Err(QuantityError);
        }
        let magnitude = scale.apply(whole, fraction);
        Ok(Quantity { billionths: if negative { -magnitude } else { magnitude }, format })
    }
}

/// What a suffix multiplies by.
#[derive(Clone, Copy)]
enum Scale {
    Ten(i32),
    Two(u32),
}

fn scale_of(suffix: &str) -> Option<(Scale, Format)> {
    if let Some((_, power)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        return Some((Scale::Ten(*power), Format::DecimalSi));
    }
    if let Some((_, power)) = BINARY.iter().find(|(s, _)| *s == suffix) {
        return Some((Scale::Two(*power), Format::BinarySi));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    exponent.parse::<i32>().ok().map(|power| (Scale::Ten(power.clamp(-100, 100)), Format::DecimalExponent))
}

impl Scale {
    /// The number in billionths, rounded up, at most 2^63-1 units (as upstream caps it). Upstream keeps a decimal number of
    /// up to 18 digits as it is, however large its suffix; so does this, as far as the number fits.
    fn apply(self, whole: &str, fraction: &str) -> i128 {
        let most = i128::from(i64::MAX) * ONE;
        let written = whole.trim_start_matches('0').len() + fraction.len();
        let short = matches!(self, Scale::Ten(_)) && written <= SHORT;
        let limit = if short { LARGEST } else { most };
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).skip_while(|b| *b == b'0').collect();
        let mut value: i128 = 0;
        for digit in digits.iter().take(30) {
            value = value * 10 + i128::from(digit - b'0');
        }
        let dropped = i32::try_from(digits.len().saturating_sub(30)).unwrap_or(i32::MAX);
        let point = i32::try_from(fraction.len()).unwrap_or(i32::MAX);
        let (ten, two) = match self {
            Scale::Ten(power) => (power, 0),
            Scale::Two(power) => (0, power),
        };
        let mut power = ten.saturating_add(9).saturating_add(dropped).saturating_sub(point);
        for _ in 0..two {
            value = value.saturating_mul(2);
        }
        while power > 0 && value < limit && value != 0 {
            value = value.saturating_mul(10);
            power -= 1;
        }
        let mut inexact = false;
        while power < 0 && (value != 0) {
            inexact |= value % 10 != 0;
            value /= 10;
            power += 1;
        }
        if value <= limit { (value + i128::from(inexact)).min(limit) } else { most }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.billionths;
        if value == 0 {
            return f.write_str("0");
        }
        if self.format == Format::BinarySi && value % ONE == 0 && (value / ONE).abs() >= 1_024 {
            let units = value / ONE;
            let fits = BINARY.iter().rev().find(|(_, power)| units % (1_i128 << power) == 0);
            return match fits {
                Some((suffix, power)) => write!(f, "{}{suffix}", units >> power),
                None => write!(f, "{units}"),
            };
        }
        let exponent = self.format == Format::DecimalExponent;
        let fits = DECIMAL.iter().rev().find(|(_, power)| {
            let unit = 10_i128.pow(u32::try_from(power + 9).expect("powers start at -9"));
            value % unit == 0
        });
        let (suffix, power) = fits.expect("every value is a whole number of billionths");
        let mantissa = value / 10_i128.pow(u32::try_from(power + 9).expect("powers start at -9"));
        match (exponent, *power) {
            (true, 0) | (false, _) => write!(f, "{mantissa}{suffix}"),
            (true, power) => write!(f, "{mantissa}e{power}"),
        }
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    /// Reads a text or a number, as upstream does.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let text = match &value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Number(number) => number.to_string(),
            _ => return Err(D::Error::custom(QuantityError)),
        };
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_printed_canonically() {
        for (text, canonical) in [
            ("0", "0"),
            ("100m", "100m"),
            ("0.1", "100m"),
            ("1000m", "1"),
            ("1.5", "1500m"),
            ("64Mi", "64Mi"),
            ("1024Ki", "1Mi"),
            ("1.5Gi", "1536Mi"),
            ("100M", "100M"),
            ("1e3", "1e3"),
            ("128974848", "128974848"),
            ("0.5Mi", "512Ki"),
            ("1000", "1k"),
            ("-5m", "-5m"),
            ("1100", "1100"),
        ] {
            assert_eq!(text.parse::<Quantity>().map(|q| q.to_string()), Ok(canonical.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "m", "1x", "1 Gi", "1.2.3", "--1", "1ee3", "1e"] {
            assert_eq!(text.parse::<Quantity>(), Err(QuantityError), "{text}");
        }
    }
}
