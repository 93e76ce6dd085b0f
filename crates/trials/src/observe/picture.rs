//! A picture of the dashboard: its panels in their places, with what Prometheus answers to their queries.
//!
//! Grafana is not among Debian's packages, so this is not its picture: places, titles, numbers and lines are the
//! dashboard's, the looks are ours.

use std::fmt::Write;

use super::{Panel, Series};

/// What a panel shows: each line with its name.
pub type Shown = Vec<(String, Series)>;

/// Pixels of a column and of a row of the dashboard.
const COLUMN: f64 = 40.0;
const ROW: f64 = 24.0;

const COLORS: [&str; 8] =
    ["#3274d9", "#e0752d", "#56a64b", "#a352cc", "#d0a200", "#c4162a", "#37872d", "#8f3bb8"];

/// Draws it, in SVG 1.1.
#[must_use]
pub fn picture(panels: &[(Panel, Shown)]) -> String {
    let rows = panels.iter().map(|(panel, _)| panel.place[1] + panel.place[3]).max().unwrap_or_default();
    let (width, height) = (24.0 * COLUMN, f64::from(rows) * ROW);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\" fill=\"#464c54\">\n<rect width=\"100%\" height=\"100%\" fill=\"#f4f5f5\"/>\n"
    );
    for (panel, shown) in panels {
        draw(&mut svg, panel, shown);
    }
    svg + "</svg>\n"
}

/// A rectangle: left, top, width and height.
#[derive(Clone, Copy)]
struct Area {
    x: f64,
    y: f64,
    w: f64,
    h: f64,
}

fn draw(svg: &mut String, panel: &Panel, shown: &Shown) {
    let [x, y, w, h] = panel.place.map(f64::from);
    let area = Area { x: x * COLUMN + 3.0, y: y * ROW + 3.0, w: w * COLUMN - 6.0, h: h * ROW - 6.0 };
    let Area { x, y, w, h } = area;
    put(
        svg,
        &format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"#fff\" stroke=\"#dce1e6\"/>\n\
         <text x=\"{:.0}\" y=\"{:.0}\" font-weight=\"bold\">{}</text>\n",
            x + 8.0,
            y + 16.0,
            escaped(&panel.title)
        ),
    );
    if panel.is_graph {
        draw_lines(svg, panel, shown, Area { x: x + 52.0, y: y + 26.0, w: w - 64.0, h: h - 62.0 });
        return;
    }
    let last = shown.first().and_then(|(_, series)| series.last());
    let text = last.map_or("no data".to_owned(), |number| with_unit(number, &panel.unit));
    put(
        svg,
        &format!(
            "<text x=\"{:.0}\" y=\"{:.0}\" font-size=\"26\" text-anchor=\"middle\" fill=\"#37872d\">{text}</text>\n",
            x + w / 2.0,
            y + h / 2.0 + 18.0
        ),
    );
}

fn draw_lines(svg: &mut String, panel: &Panel, shown: &Shown, area: Area) {
    let points = || shown.iter().flat_map(|(_, series)| &series.points);
    let top = points().map(|(_, number)| *number).fold(0.0_f64, f64::max);
    let top = if top > 0.0 { top } else { 1.0 };
    let (from, to) = points().fold((f64::MAX, f64::MIN), |(from, to), (at, _)| (from.min(*at), to.max(*at)));
    let Area { x, y, w, h } = area;
    for part in [0.0, 0.5, 1.0] {
        let height = y + h * (1.0 - part);
        put(
            svg,
            &format!(
                "<line x1=\"{x:.0}\" y1=\"{height:.1}\" x2=\"{:.0}\" y2=\"{height:.1}\" stroke=\"#e9edf2\"/>\n\
             <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\n",
                x + w,
                x - 5.0,
                height + 4.0,
                with_unit(top * part, &panel.unit)
            ),
        );
    }
    let mut left = x;
    for ((name, series), color) in shown.iter().zip(COLORS.iter().cycle()) {
        let place = |(at, number): &(f64, f64)| {
            let across = if to > from { (at - from) / (to - from) } else { 0.0 };
            format!("{:.1},{:.1}", x + w * across, y + h * (1.0 - number / top))
        };
        let line: Vec<String> = series.points.iter().map(place).collect();
        put(
            svg,
            &format!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\"/>\n\
             <rect x=\"{left:.0}\" y=\"{:.0}\" width=\"10\" height=\"3\" fill=\"{color}\"/>\n\
             <text x=\"{:.0}\" y=\"{:.0}\">{}</text>\n",
                line.join(" "),
                y + h + 17.0,
                left + 13.0,
                y + h + 22.0,
                escaped(name)
            ),
        );
        // Letters are this wide, more or less.
        left += 26.0 + 5.6 * f64::from(u32::try_from(name.chars().count()).unwrap_or_default());
    }
}

fn with_unit(number: f64, unit: &str) -> String {
    match unit {
        "s" if number >= 60.0 => format!("{:.1} min", number / 60.0),
        "s" if number >= 1.0 || number <= 0.0 => format!("{number:.1} s"),
        "s" if number >= 0.001 => format!("{:.1} ms", number * 1e3),
        "s" => format!("{:.0} µs", number * 1e6),
        "percentunit" => format!("{:.2} %", number * 100.0),
        "cps" | "pps" => format!("{number:.1}/s"),
        _ if number.fract().abs() < 1e-9 => format!("{number:.0}"),
        _ => format!("{number:.1}"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn put(svg: &mut String, text: &str) {
    // To write to a string does not fail.
    let _ = svg.write_str(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Dashboard;

    #[test]
    fn every_panel_is_in_the_picture() {
        let panels: Vec<_> = Dashboard::read("1m").unwrap().panels;
        let series = Series { points: vec![(0.0, 1.0), (1.0, 0.00007)], ..Series::default() };
        let shown = |panel: &Panel| (panel.clone(), vec![("a < b".to_owned(), series.clone())]);
        let svg = picture(&panels.iter().map(shown).collect::<Vec<_>>());
        assert!(panels.iter().all(|panel| svg.contains(&escaped(&panel.title))), "{svg}");
        let graphs = panels.iter().filter(|panel| panel.is_graph).count();
        assert_eq!(svg.matches("<polyline").count(), graphs);
        assert!(graphs > 5 && svg.contains("70 µs") && svg.contains("a &lt; b"), "{svg}");
    }
}
