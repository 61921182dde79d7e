//! Elementary functions that give the same bits everywhere: additions and multiplications only, whose rounding IEEE 754 fixes.

/// e^x within 2e-7 of the true value, relatively; 0 below -87, e^88 above 88.
pub(super) fn exp(x: f32) -> f32 {
    if x < -87.0 || x.is_nan() {
        return 0.0;
    }
    let scaled = f64::from(x.min(88.0)) * std::f64::consts::LOG2_E;
    let whole = scaled.floor();
    let rest = (scaled - whole) * std::f64::consts::LN_2;
    // Taylor series up to x^9 / 9!; the rest is below ln 2.
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..=9u8 {
        term *= rest / f64::from(n);
        sum += term;
    }
    let exponent = (whole as i64 + 1_023).clamp(1, 2_046) as u64;
    (sum * f64::from_bits(exponent << 52)) as f32
}

/// 1 / (1 + e^-x).
pub(super) fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_to_the_library() {
        for step in -8_700..8_800 {
            let x = step as f32 / 100.0;
            let (ours, theirs) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((ours / theirs - 1.0).abs() < 3e-7, "{x}: {ours} {theirs}");
        }
        assert_eq!(logistic(0.0), 0.5);
        assert_eq!((exp(-1e9), exp(f32::NAN), exp(1e9)), (0.0, 0.0, exp(88.0)));
    }
}
