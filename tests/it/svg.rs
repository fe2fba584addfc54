//! A terminal's screen as an SVG picture: what the README shows.

use std::fmt::Write as _;

use vt100::{Cell, Color, Screen};

/// Width and height of one cell, in SVG user units.
const CELL: (f32, f32) = (8.4, 18.0);
/// Space around the screen.
const MARGIN: f32 = 12.0;
/// What stands for the terminal's own colours.
const DEFAULT: (Rgb, Rgb) = ((0xd8, 0xde, 0xe9), (0x14, 0x17, 0x1c));

type Rgb = (u8, u8, u8);

/// How a cell looks.
#[derive(Clone, Copy, PartialEq)]
struct Style {
    ink: Rgb,
    ground: Rgb,
    bold: bool,
    italic: bool,
    underlined: bool,
}

impl Style {
    fn of(cell: &Cell) -> Self {
        let (mut ink, mut ground) = (rgb(cell.fgcolor(), DEFAULT.0), rgb(cell.bgcolor(), DEFAULT.1));
        if cell.inverse() {
            std::mem::swap(&mut ink, &mut ground);
        }
        if cell.dim() {
            let half = |a: u8, b: u8| ((u16::from(a) * 2 + u16::from(b)) / 3) as u8;
            ink = (half(ink.0, ground.0), half(ink.1, ground.1), half(ink.2, ground.2));
        }
        Self { ink, ground, bold: cell.bold(), italic: cell.italic(), underlined: cell.underline() }
    }
}

/// The colour that a terminal with xterm's palette shows.
fn rgb(color: Color, default: Rgb) -> Rgb {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    const FIRST: [Rgb; 16] = [
        (0, 0, 0),
        (205, 49, 49),
        (13, 188, 121),
        (229, 229, 16),
        (36, 114, 200),
        (188, 63, 188),
        (17, 168, 205),
        (229, 229, 229),
        (102, 102, 102),
        (241, 76, 76),
        (35, 209, 139),
        (245, 245, 67),
        (59, 142, 234),
        (214, 112, 214),
        (41, 184, 219),
        (255, 255, 255),
    ];
    match color {
        Color::Default => default,
        Color::Rgb(r, g, b) => (r, g, b),
        Color::Idx(index @ 0..16) => FIRST[usize::from(index)],
        Color::Idx(index @ 16..232) => {
            let index = usize::from(index) - 16;
            (LEVELS[index / 36], LEVELS[index / 6 % 6], LEVELS[index % 6])
        }
        Color::Idx(index) => {
            let grey = 8 + (index - 232) * 10;
            (grey, grey, grey)
        }
    }
}

fn hex((r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The screen with its text passed through `steady`, line by line; a line must keep its columns.
pub fn picture(screen: &Screen, title: &str, steady: impl Fn(&str) -> String) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let size = (f32::from(columns) * CELL.0 + 2.0 * MARGIN, f32::from(rows) * CELL.1 + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.1} {:.1}\" role=\"img\" font-family=\"ui-monospace, \
         SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\">\n<title>{}</title>\n<rect \
         width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n",
        size.0,
        size.1,
        escaped(title),
        hex(DEFAULT.1)
    );
    for row in 0..rows {
        let cells: Vec<_> = (0..columns).filter_map(|column| screen.cell(row, column)).collect();
        let text = |cell: &&Cell| if cell.has_contents() { cell.contents().to_owned() } else { " ".to_owned() };
        let line: String = cells.iter().filter(|cell| !cell.is_wide_continuation()).map(text).collect();
        let line: Vec<char> = steady(&line).chars().collect();
        let styles: Vec<_> = cells.iter().map(|cell| Style::of(cell)).collect();
        let mut start = 0;
        while start < styles.len() {
            let end = (start..styles.len()).find(|at| styles[*at] != styles[start]).unwrap_or(styles.len());
            let run: String = (start..end).map(|at| line.get(at).copied().unwrap_or(' ')).collect();
            push_run(&mut out, row, start, end - start, &run, styles[start]);
            start = end;
        }
    }
    out.push_str("</svg>\n");
    out
}

fn push_run(out: &mut String, row: u16, column: usize, length: usize, run: &str, style: Style) {
    let (x, y) = (MARGIN + column as f32 * CELL.0, MARGIN + f32::from(row) * CELL.1);
    if style.ground != DEFAULT.1 {
        let (width, height) = (length as f32 * CELL.0, CELL.1);
        let fill = hex(style.ground);
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"/>"
        );
    }
    let blanks = run.len() - run.trim_start_matches(' ').len();
    let text = run.trim_matches(' ');
    if text.is_empty() && !style.underlined {
        return;
    }
    // The length is given, so that a font with other widths still keeps the columns.
    let (x, width) = (x + blanks as f32 * CELL.0, text.chars().count() as f32 * CELL.0);
    let _ = write!(
        out,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" xml:space=\"preserve\" fill=\"{}\"",
        y + CELL.1 * 0.72,
        hex(style.ink)
    );
    for (holds, attribute) in [
        (style.bold, " font-weight=\"bold\""),
        (style.italic, " font-style=\"italic\""),
        (style.underlined, " text-decoration=\"underline\""),
    ] {
        if holds {
            out.push_str(attribute);
        }
    }
    let _ = writeln!(out, ">{}</text>", escaped(text));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
