//! A screen as text for a snapshot, with what its styles tell apart.
//!
//! A line of the screen begins with `|`. Where cells of it look unlike ordinary text, the line below, which begins with
//! `~`, names each such cell's style by a letter. The legend at the end says what the letters stand for, in colour and,
//! where that is not the same modifiers, without colours too; colours go by their names in the theme's palette, so that
//! a colour made a little lighter changes no snapshot. The text stands once, for it is the same in both.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use huntbook::internals::text;
use huntbook::internals::theme::{self, ColorDepth, Role, Theme};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use regex::{Captures, Regex};

/// Screens whose layout at 160 columns is another than at 80. The others are drawn wide too, but are only wider there.
const LAID_OUT_BY_WIDTH: [&str; 12] = [
    "choose",
    "coverage",
    "elf",
    "findings",
    "findings-grouped",
    "form",
    "hex",
    "hex-inspector",
    "rule",
    "scenarios",
    "side-by-side",
    "workbench",
];

/// The same theme on a terminal without colours.
pub fn mono() -> Theme {
    theme::load(theme::DEFAULT, None, ColorDepth::Mono).unwrap()
}

/// One screen in colour and without.
pub struct Pair {
    pub colour: Buffer,
    pub mono: Buffer,
}

impl Pair {
    /// Holds both against their snapshot. Without colours nothing is lost: the text is the same, and what has a ground
    /// of its own in colour has a modifier.
    pub fn hold(self, name: &str) {
        let Self { colour, mono } = Self { colour: steadied(self.colour), mono: steadied(self.mono) };
        let size = format!("{}x{}", colour.area.width, colour.area.height);
        for (colour, mono) in colour.content.iter().zip(&mono.content) {
            assert_eq!(colour.symbol(), mono.symbol(), "{name}: the text is another without colours");
            let none = [mono.fg, mono.bg, mono.underline_color].iter().all(|color| *color == Color::Reset);
            assert!(none, "{name}: {mono:?} has a colour");
            let ground = is_ground(colour.bg) || !mono.modifier.is_empty();
            assert!(ground, "{name}: {colour:?} is told by its ground alone");
        }
        if colour.area.width <= 80 || LAID_OUT_BY_WIDTH.contains(&name) {
            insta::assert_snapshot!(format!("{name}-{size}"), portrait(&colour, &mono));
        }
    }
}

/// Whether a background says nothing: that of the screen, of a layer above it, or of another theme's sample.
fn is_ground(background: Color) -> bool {
    let telling = Role::ALL.iter().filter(|role| **role != Role::Popup);
    let mut telling = telling.filter_map(|role| WORN.style(*role).bg);
    telling.all(|told| told != background)
}

/// The theme of the snapshots in colour.
static WORN: LazyLock<Theme> = LazyLock::new(|| theme::load(theme::DEFAULT, None, ColorDepth::TrueColor).unwrap());

/// What differs from run to run, and what stands for it.
static VARYING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let table = [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z *", "0000-00-00T00:00:00Z"),
        (r"\bborn +\S+ *", "born       0000-00-00T00:00:00Z"),
        (r"done in [\d.]+ s  (.*?)  [\d.,]+ [KMGT]?i?B/s *(\d.*)?", "done in 0.0 s  $1  0 B/s  $2"),
        (r"\b(owner|group) {6}[^│┃║█]+", "$1      root (0)"),
        (r"\d+ on device 0x[0-9a-f]+ *", "0 on device 0x0"),
        (r"uid \d+:gid \d+ (\d{4}) *", "uid 0:gid 0 $1"),
        (r"took \d+ ms; Ctrl-R asks again *", "took 0 ms; Ctrl-R asks again"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "00000000-0000-0000-0000-000000000000"),
    ];
    table.map(|(pattern, stands)| (Regex::new(pattern).unwrap(), stands)).into()
});

/// The screen without what differs from run to run.
fn steadied(mut buffer: Buffer) -> Buffer {
    for row in buffer.content.chunks_mut(usize::from(buffer.area.width)) {
        for (varies, stands) in VARYING.iter() {
            let line: String = row.iter().map(Cell::symbol).collect();
            for found in varies.captures_iter(&line) {
                steady(row, &line, &found, stands);
            }
        }
    }
    buffer
}

fn steady(row: &mut [Cell], line: &str, found: &Captures<'_>, stands: &str) {
    let whole = found.get(0).unwrap();
    let (start, length) = (line[..whole.start()].chars().count(), whole.as_str().chars().count());
    let mut fixed = String::new();
    found.expand(stands, &mut fixed);
    let style = row[start].style();
    let fixed = fixed.chars().map(Some).chain(std::iter::repeat(None));
    for (cell, fixed) in row[start..start + length].iter_mut().zip(fixed) {
        match fixed {
            Some(c) => cell.set_char(c).set_style(style),
            None => cell.set_char(' '),
        };
    }
}

/// Lines of text with their styles, then the legend.
fn portrait(colour: &Buffer, mono: &Buffer) -> String {
    let mut legend = Legend::default();
    let mut out = String::new();
    let width = usize::from(colour.area.width);
    for (row, mono) in colour.content.chunks(width).zip(mono.content.chunks(width)) {
        let second = |at: usize| at.checked_sub(1).is_some_and(|first| text::width(row[first].symbol()) > 1);
        let text: String = (0..row.len()).filter(|at| !second(*at)).map(|at| row[at].symbol()).collect();
        let styles: String = row.iter().zip(mono).map(|(cell, mono)| legend.letter(cell, mono)).collect();
        for (sign, line) in [('|', text), ('~', styles)] {
            if sign == '|' || !line.trim().is_empty() {
                out.push(sign);
                out.push_str(line.trim_end());
                out.push('\n');
            }
        }
    }
    for (letter, style) in letters().zip(legend.styles) {
        out.push_str(&format!("\n{letter}  {style}"));
    }
    out
}

/// More than enough: the list of themes shows every theme's styles at once.
fn letters() -> impl Iterator<Item = char> {
    ('a'..='z').chain('A'..='Z').chain('0'..='9').chain('\u{c0}'..='\u{17f}')
}

/// The styles met so far, in the order of their letters.
#[derive(Default)]
struct Legend {
    styles: Vec<String>,
}

impl Legend {
    fn letter(&mut self, cell: &Cell, mono: &Cell) -> char {
        let mut style = described(cell);
        let without = described(mono);
        // Where both have the same modifiers, the colour's line says all.
        if cell.modifier != mono.modifier && !(style.is_empty() && without.is_empty()) {
            let without = if without.is_empty() { "plain" } else { &without };
            style.push_str(&format!("; without colours {without}"));
        }
        if style.is_empty() {
            return ' ';
        }
        let known = self.styles.iter().position(|known| *known == style);
        let place = known.unwrap_or_else(|| {
            self.styles.push(style);
            self.styles.len() - 1
        });
        letters().nth(place).expect("a letter for every style")
    }
}

/// What can be seen of a cell's style, empty where it is ordinary text.
fn described(cell: &Cell) -> String {
    let seen_on_blank = Modifier::UNDERLINED | Modifier::REVERSED | Modifier::CROSSED_OUT;
    if cell.symbol() == " " && cell.bg == Color::Reset && !cell.modifier.intersects(seen_on_blank) {
        return String::new();
    }
    let mut parts = Vec::new();
    if cell.fg != Color::Reset && Some(cell.fg) != WORN.style(Role::Text).fg {
        parts.push(named(cell.fg));
    }
    if cell.bg != Color::Reset {
        parts.push(format!("on {}", named(cell.bg)));
    }
    parts.extend(cell.modifier.iter_names().map(|(name, _)| name.to_lowercase()));
    parts.join(" ")
}

/// A colour's name in the palette.
fn named(color: Color) -> String {
    static PALETTE: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
        let theme: toml::Table = include_str!("../../themes/dark.toml").parse().unwrap();
        let palette = theme["palette"].as_table().unwrap().iter();
        palette.map(|(name, hex)| (hex.as_str().unwrap().to_lowercase(), name.clone())).collect()
    });
    let hex = color.to_string().to_lowercase();
    PALETTE.get(&hex).cloned().unwrap_or(hex)
}
