//! Logarithms, powers and angles. Own, because those of the machines may differ in the last digit, and one seed is to give
//! one run everywhere: nothing here but the operations that IEEE 754 defines to the last bit.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, LN_2, PI, SQRT_2};

/// π/2 in three parts of few bits, so that a multiple taken from a number loses none.
const HALF_PI: [f64; 3] = [1.570_796_326_734_125_6, 6.077_100_506_303_966e-11, 2.022_266_248_795_950_6e-21];
/// ln 2 in two parts.
const LN_2_PARTS: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];

/// The natural logarithm: ln x = k ln 2 + 2 artanh((m - 1) / (m + 1)) with x = m 2^k.
pub fn ln(x: f64) -> f64 {
    match () {
        () if x.is_nan() || x < 0.0 => return f64::NAN,
        () if x == 0.0 => return f64::NEG_INFINITY,
        () if x.is_infinite() => return x,
        () => {}
    }
    let (mut m, mut k) = (x, 0.0);
    while m > SQRT_2 {
        m /= 2.0;
        k += 1.0;
    }
    while m < SQRT_2 / 2.0 {
        m *= 2.0;
        k -= 1.0;
    }
    let t = (m - 1.0) / (m + 1.0);
    let (mut power, mut sum, mut odd) = (t, 0.0, 1.0);
    while (power / odd).abs() > 1e-18 {
        sum += power / odd;
        power *= t * t;
        odd += 2.0;
    }
    k * LN_2 + 2.0 * sum
}

/// e to the power of x.
pub fn exp(x: f64) -> f64 {
    match () {
        () if x.is_nan() => return x,
        () if x > 709.8 => return f64::INFINITY,
        () if x < -745.2 => return 0.0,
        () => {}
    }
    let k = (x / LN_2).round();
    let r = x - k * LN_2_PARTS[0] - k * LN_2_PARTS[1];
    let (mut term, mut sum, mut n) = (1.0_f64, 0.0, 0.0);
    while term.abs() > 1e-18 {
        sum += term;
        n += 1.0;
        term *= r / n;
    }
    // In two halves, each of which is a number.
    let half = (k / 2.0).trunc();
    sum * power(2.0, half) * power(2.0, k - half)
}

/// `base` to the power of `exponent`; exact as long as the result of whole numbers is.
pub fn power(base: f64, exponent: f64) -> f64 {
    if exponent == 0.0 {
        return 1.0;
    }
    if exponent != exponent.trunc() || exponent.abs() > 9e15 {
        return exp(exponent * ln(base));
    }
    let (mut left, mut square, mut product) = (exponent.abs() as u64, base, 1.0);
    while left > 0 {
        if left % 2 == 1 {
            product *= square;
        }
        square *= square;
        left /= 2;
    }
    if exponent < 0.0 { 1.0 / product } else { product }
}

/// The sine.
pub fn sin(x: f64) -> f64 {
    turned(x, 0)
}

/// The cosine.
pub fn cos(x: f64) -> f64 {
    turned(x, 1)
}

/// The sine of an angle that is so many right angles further.
fn turned(x: f64, quarters: i64) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    let k = (x / FRAC_PI_2).round();
    let r = HALF_PI.iter().fold(x, |rest, part| rest - k * part);
    let series = |mut term: f64, mut n: f64| {
        let mut sum = 0.0;
        while term.abs() > 1e-20 {
            sum += term;
            term *= -r * r / ((n + 1.0) * (n + 2.0));
            n += 2.0;
        }
        sum
    };
    // A rest that is no small angle comes of a number so large that its last digit is more than a turn.
    if r.abs() > 1.0 {
        return 0.0;
    }
    match ((k % 4.0) as i64 + quarters).rem_euclid(4) {
        0 => series(r, 1.0),
        1 => series(1.0, 0.0),
        2 => -series(r, 1.0),
        _ => -series(1.0, 0.0),
    }
}

/// The angle of the point (x, y).
pub fn atan2(y: f64, x: f64) -> f64 {
    match () {
        () if x.is_nan() || y.is_nan() => f64::NAN,
        () if y == 0.0 && x.is_sign_negative() => PI.copysign(y),
        () if y == 0.0 => y,
        () if x == 0.0 => FRAC_PI_2.copysign(y),
        () if x.is_infinite() && y.is_infinite() => (if x > 0.0 { FRAC_PI_4 } else { 3.0 * FRAC_PI_4 }).copysign(y),
        () if x > 0.0 => atan(y / x),
        () => PI.copysign(y) + atan(y / x),
    }
}

fn atan(t: f64) -> f64 {
    let a = t.abs();
    let angle = match () {
        () if a > 1.0 => FRAC_PI_2 - small_atan(1.0 / a),
        () => small_atan(a),
    };
    angle.copysign(t)
}

/// Of 0..=1: above tan(π/8) it is π/4 further back.
fn small_atan(a: f64) -> f64 {
    let (base, t) = if a > SQRT_2 - 1.0 { (FRAC_PI_4, (a - 1.0) / (a + 1.0)) } else { (0.0, a) };
    let (mut power, mut sum, mut odd) = (t, 0.0, 1.0);
    while (power / odd).abs() > 1e-18 {
        sum += power / odd;
        power *= -t * t;
        odd += 2.0;
    }
    base + sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(ours: f64, theirs: f64, what: &str) {
        let close = (ours - theirs).abs() <= 1e-13 * theirs.abs().max(1e-3);
        assert!(close || ours.is_nan() && theirs.is_nan() || ours == theirs, "{what}: {ours} is not {theirs}");
    }

    #[test]
    fn functions_are_those_of_mathematics() {
        for x in [0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -7.25, 10.0, 100.0, 1e-5, 700.0, -700.0, 12345.0, 1e308, f64::INFINITY]
        {
            near(ln(x), x.ln(), "ln");
            near(exp(x), x.exp(), "exp");
            near(atan2(x, 1.5), x.atan2(1.5), "atan2");
            near(atan2(x, -2.0), x.atan2(-2.0), "atan2");
            near(power(1.5, x), 1.5_f64.powf(x), "power");
            if x.abs() < 1e6 {
                near(sin(x), x.sin(), "sin");
                near(cos(x), x.cos(), "cos");
            }
        }
        assert_eq!((power(2.0, 53.0), power(10.0, -2.0), power(-2.0, 3.0)), (9_007_199_254_740_992.0, 0.01, -8.0));
        assert!(sin(1e300).abs() <= 1.0 && cos(f64::MAX).abs() <= 1.0);
    }
}
