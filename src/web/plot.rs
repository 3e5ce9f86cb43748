//! Small plots as inline SVG: bars by day, in the page's own colours, with a title for who does not see them.

use std::fmt::Write as _;

const HEIGHT: u64 = 48;
const STEP: usize = 8;

/// Bars of `values`, oldest first, the last one today's. `what` is a sentence of the whole; `unit` follows each number.
pub(super) fn bars(what: &str, unit: &str, days: &[(String, u64)]) -> String {
    let most = days.iter().map(|(_, value)| *value).max().unwrap_or(0);
    let width = days.len() * STEP;
    let mut svg = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {width} {}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{what}\">",
        HEIGHT + 1
    );
    for (n, (day, value)) in days.iter().enumerate() {
        // Something is never drawn as nothing.
        let height = if most == 0 || *value == 0 { 0 } else { (value * HEIGHT / most).max(1) };
        let (x, y) = (n * STEP, HEIGHT - height);
        let _ = write!(
            svg,
            "<g><title>{day}: {value} {unit}</title><rect class=\"day\" x=\"{x}\" y=\"0\" width=\"{STEP}\" height=\"{HEIGHT}\"/>"
        );
        let _ = write!(svg, "<rect class=\"bar\" x=\"{}\" y=\"{y}\" width=\"{}\" height=\"{height}\"/></g>", x + 1, STEP - 2);
    }
    let _ = write!(svg, "<rect class=\"base\" x=\"0\" y=\"{HEIGHT}\" width=\"{width}\" height=\"1\"/></svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_fills_the_height_and_the_smallest_is_seen() {
        let days = [("a".to_owned(), 0), ("b".to_owned(), 1), ("c".to_owned(), 1_000)];
        let svg = bars("Entries", "new", &days);
        let heights: Vec<&str> =
            svg.split("class=\"bar\"").skip(1).filter_map(|bar| bar.split("height=\"").nth(1)?.split('"').next()).collect();
        assert_eq!(heights, ["0", "1", "48"]);
        assert!(svg.contains("<title>c: 1000 new</title>"));
        assert!(bars("Nothing", "new", &days[..1]).contains("height=\"0\""));
        bars("No days", "new", &[]);
    }
}
