//! A picture of the ratios.

use std::fmt::Write as _;

use crate::harness::{Row, Spread, Unit};

const LABELS: f64 = 450.0;
const PLOT: f64 = 420.0;
const FIGURES: f64 = 90.0;
const LINE: f64 = 34.0;
const TOP: f64 = 78.0;

const REACHED: &str = "#1a7f4b";
const MISSED: &str = "#c0392b";
const BESIDE: &str = "#777777";

/// Where ratios are: on a logarithmic scale, so that half and twice are as far from 1.
struct Scale {
    least: f64,
    most: f64,
}

impl Scale {
    fn x(&self, ratio: f64) -> f64 {
        let share = (ratio.ln() - self.least.ln()) / (self.most.ln() - self.least.ln());
        LABELS + PLOT * share.clamp(0.0, 1.0)
    }
}

/// The ratios with their spread, and for each the line it must not be beyond.
pub(crate) fn draw(rows: &[(&str, Row)], machine: &str) -> String {
    let ratios: Vec<(&Row, Spread)> = rows
        .iter()
        .filter(|(_, row)| row.unit == Unit::Times)
        .filter_map(|(_, row)| Some((row, row.figure.as_ref().ok().copied()?)))
        .collect();
    let least = ratios.iter().map(|(_, spread)| spread.low).fold(0.25, f64::min) / 1.2;
    let most = ratios.iter().map(|(_, spread)| spread.high).fold(4.0, f64::max) * 1.2;
    let scale = Scale { least, most };
    let width = LABELS + PLOT + FIGURES;
    let bottom = TOP + LINE * ratios.len() as f64;
    let height = bottom + 48.0;

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"DejaVu Sans, Verdana, sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"12\" y=\"22\" font-size=\"15\" font-weight=\"bold\">Time, as a ratio to that of the peer: less is better</text>\n\
         <text x=\"12\" y=\"40\" fill=\"#555555\">dot: median of the turns' ratios; bar: the middle half; \
         upright line: the target</text>\n\
         <text x=\"12\" y=\"56\" fill=\"#555555\">{}</text>\n",
        escaped(machine)
    );
    let mut line = |text: String| {
        svg.push_str(&text);
        svg.push('\n');
    };
    let marks = [
        0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0,
        1000.0,
    ];
    for mark in marks.into_iter().filter(|mark| (scale.least..scale.most).contains(mark)) {
        let x = scale.x(mark);
        let (colour, dashes) =
            if mark == 1.0 { ("#444444", " stroke-dasharray=\"4 3\"") } else { ("#e4e4e4", "") };
        line(format!(
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{bottom:.1}\" stroke=\"{colour}\"{dashes}/>",
            TOP - 8.0
        ));
        if is_labelled(mark) {
            line(format!(
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555555\">{mark}×</text>",
                bottom + 16.0
            ));
        }
    }
    line(format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555555\">as the peer: 1×</text>",
        scale.x(1.0),
        bottom + 34.0
    ));
    for (index, (row, spread)) in ratios.iter().enumerate() {
        draw_row(&mut line, &scale, TOP + LINE * (index as f64 + 0.5), row, *spread);
    }
    svg + "</svg>\n"
}

/// Whether there is room for the name of a mark: around 1, and at powers of ten.
fn is_labelled(mark: f64) -> bool {
    let power = mark.log10();
    (0.5..=2.0).contains(&mark) || (power - power.round()).abs() < 1e-6
}

fn draw_row(line: &mut impl FnMut(String), scale: &Scale, y: f64, row: &Row, spread: Spread) {
    let colour = match row.is_reached() {
        Some(true) => REACHED,
        Some(false) => MISSED,
        None => BESIDE,
    };
    let middle = y + 4.0;
    let (work, against) = (escaped(&row.work), escaped(&row.against));
    line(format!("<text x=\"12\" y=\"{:.1}\">{work}</text>", y - 2.0));
    line(format!(
        "<text x=\"24\" y=\"{:.1}\" font-size=\"10.5\" fill=\"#666666\">beside {against}</text>",
        y + 11.0
    ));
    let [low, median, high] = [spread.low, spread.median, spread.high].map(|ratio| scale.x(ratio));
    line(format!(
        "<line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{colour}\" stroke-width=\"5\" \
         stroke-opacity=\"0.35\"/>"
    ));
    if let Some(most) = row.most {
        let x = scale.x(most);
        line(format!(
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#1f4e9c\" stroke-width=\"2.5\"/>",
            y - 8.0,
            y + 8.0
        ));
    }
    line(format!("<circle cx=\"{median:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>"));
    line(format!(
        "<text x=\"{:.1}\" y=\"{middle:.1}\" fill=\"{colour}\">{}</text>",
        LABELS + PLOT + 10.0,
        row.unit.say(spread.median)
    ));
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '`' => {}
            other => write!(escaped, "{other}").expect("a String takes everything"),
        }
    }
    escaped
}
