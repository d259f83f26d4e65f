//! Colour maps with even steps in perceived lightness, computed in the `OKLab` space (Ottosson 2020).

use crate::canvas::Colour;

/// Sequential map from dark violet over teal to light yellow; `t` in 0..=1.
///
/// Lightness grows linearly, so that equal steps of a value look equally large and a grey print keeps the order.
pub(crate) fn sequential(t: f64) -> Colour {
    let t = t.clamp(0.0, 1.0);
    let lightness = 0.26 + 0.66 * t;
    let hue = 300.0 - 195.0 * t;
    let chroma = 0.115 + 0.05 * (std::f64::consts::PI * (t - 0.15)).sin().max(0.0) - 0.01 * t;
    oklch(lightness, chroma, hue)
}

/// Diverging map for differences: blue below zero, near-white at zero, red above; `t` in -1..=1.
pub(crate) fn diverging(t: f64) -> Colour {
    let t = t.clamp(-1.0, 1.0);
    let strength = t.abs();
    let hue = if t < 0.0 { 255.0 } else { 32.0 };
    oklch(0.96 - 0.48 * strength, 0.165 * strength.powf(0.85), hue)
}

/// OKLCH to sRGB; chroma is lowered until the colour can be shown.
fn oklch(lightness: f64, chroma: f64, hue_degrees: f64) -> Colour {
    let (sin, cos) = hue_degrees.to_radians().sin_cos();
    let mut chroma = chroma;
    loop {
        let rgb = oklab_to_linear([lightness, chroma * cos, chroma * sin]);
        if chroma <= 0.0 || rgb.iter().all(|c| (-1e-4..=1.0 + 1e-4).contains(c)) {
            let [r, g, b] = rgb.map(encode);
            return Colour::rgb(r, g, b);
        }
        chroma -= 0.002;
    }
}

fn oklab_to_linear([l, a, b]: [f64; 3]) -> [f64; 3] {
    let long = (l + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let medium = (l - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let short = (l - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * long - 3.307_711_591_3 * medium + 0.230_969_929_2 * short,
        -1.268_438_004_6 * long + 2.609_757_401_1 * medium - 0.341_319_396_5 * short,
        -0.004_196_086_3 * long - 0.703_418_614_7 * medium + 1.707_614_701_0 * short,
    ]
}

fn encode(linear: f64) -> u8 {
    let linear = linear.clamp(0.0, 1.0);
    let encoded = if linear <= 0.003_130_8 {
        12.92 * linear
    } else {
        1.055 * linear.powf(1.0 / 2.4) - 0.055
    };
    (encoded * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversion_matches_known_colours() {
        // Ottosson's reference: `OKLab` (1, 0, 0) is white; red is L 0.628, C 0.2577, h 29.23.
        assert_eq!(oklch(1.0, 0.0, 0.0), Colour::rgb(255, 255, 255));
        let red = oklab_to_linear([0.627_955_4, 0.224_863_0, 0.125_846_3]);
        approx::assert_abs_diff_eq!(red[0], 1.0, epsilon = 1e-3);
        approx::assert_abs_diff_eq!(red[1], 0.0, epsilon = 1e-3);
        approx::assert_abs_diff_eq!(red[2], 0.0, epsilon = 1e-3);
    }

    #[test]
    fn sequential_grows_lighter_throughout() {
        let shades: Vec<f64> = (0..=50)
            .map(|k| sequential(f64::from(k) / 50.0).luminance())
            .collect();
        assert!(shades.windows(2).all(|pair| pair[1] > pair[0]));
        assert!(
            shades[0] < 0.06 && shades[50] > 0.6,
            "{} {}",
            shades[0],
            shades[50]
        );
    }

    #[test]
    fn diverging_is_even_and_lightest_at_zero() {
        assert!(diverging(0.0).luminance() > 0.85);
        let (cold, warm) = (diverging(-1.0), diverging(1.0));
        assert!(cold.b > cold.r && warm.r > warm.b);
        assert!((cold.luminance() - warm.luminance()).abs() < 0.12);
    }
}
