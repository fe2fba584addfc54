//! Whether states stay apart for people who tell red from green badly or not at all.

use ratatui::style::Color;

use super::super::*;

/// Linear RGB as it is seen with no middle (deuteranopia) or no long (protanopia) cones:
/// Machado, Oliveira and Fernandes 2009, severity 1.0.
const DEUTERANOPIA: [[f32; 3]; 3] =
    [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]];
const PROTANOPIA: [[f32; 3]; 3] =
    [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]];

/// States that stand side by side in lists.
const STATES: [&[Role]; 3] = [
    &[Role::Open, Role::Benign, Role::Suspicious, Role::Malicious],
    &[Role::CheckMet, Role::CheckNotMet, Role::CheckUnknown],
    &[Role::AnswerApplies, Role::AnswerRuledOut, Role::AnswerUnsure],
];

/// Least distance in Oklab between two states; black and white are 1 apart.
const APART: f32 = 0.08;

/// The colour of `role` as seen through `vision`, in sRGB.
fn seen(theme: &Theme, role: Role, vision: &[[f32; 3]; 3]) -> [u8; 3] {
    let [r, g, b] = match theme.style(role).fg {
        Some(Color::Rgb(r, g, b)) => [r, g, b].map(color::linear),
        Some(Color::Indexed(index)) => color::xterm_rgb(index).map(color::linear),
        other => panic!("{role:?}: {other:?}"),
    };
    vision.map(|[of_r, of_g, of_b]| channel(of_r * r + of_g * g + of_b * b))
}

/// An sRGB channel from light, 0 to 1; the inverse of [`color::linear`].
fn channel(light: f32) -> u8 {
    let light = light.clamp(0.0, 1.0);
    let value = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (value * 255.0).round() as u8
}

/// The closest two of `group` in `theme` through both kinds of eyes.
fn closest(theme: &Theme, group: &[Role]) -> (f32, Role, Role) {
    let mut closest = (f32::MAX, Role::Text, Role::Text);
    for vision in [DEUTERANOPIA, PROTANOPIA] {
        for (index, a) in group.iter().enumerate() {
            for b in &group[index + 1..] {
                let distance = color::distance(seen(theme, *a, &vision), seen(theme, *b, &vision));
                if distance < closest.0 {
                    closest = (distance, *a, *b);
                }
            }
        }
    }
    closest
}

#[test]
fn deuteranopia_keeps_states_apart_for_red_green_blind_eyes() {
    for depth in [ColorDepth::TrueColor, ColorDepth::Ansi256] {
        let theme = load("deuteranopia", None, depth).unwrap();
        for group in STATES {
            let (distance, a, b) = closest(&theme, group);
            assert!(distance >= APART, "{depth:?}: {a:?} and {b:?} are only {distance:.3} apart");
        }
    }
}

/// Otherwise the test above would say nothing.
#[test]
fn dark_is_no_theme_for_those_eyes() {
    let theme = load("dark", None, ColorDepth::TrueColor).unwrap();
    let checks = [Role::CheckMet, Role::CheckNotMet, Role::CheckUnknown];
    assert!(closest(&theme, &checks).0 < APART, "{:?}", closest(&theme, &checks));
}
