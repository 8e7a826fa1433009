//! The picture of a graph: what is waited for stands left of what waits.
//!
//! A layered drawing of the simplest kind: the column of a node is the longest way to it, and
//! inside a column nodes are sorted by the middle of their neighbours, to and fro.

use std::fmt::Write as _;

use super::Drawing;

/// The width of a letter of the font, in pixels; it is monospaced.
const LETTER: usize = 8;
const HEIGHT: usize = 30;
const GAP: usize = 14;
const BETWEEN_COLUMNS: usize = 70;
const MARGIN: usize = 16;

/// How often the columns are sorted in each direction.
const SWEEPS: usize = 4;

/// The head of the picture, without its size.
const STYLE: &str = r##"<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>
<style>text{font:13px monospace;fill:#223}rect{fill:#f4f6fb;stroke:#667}.uncached{stroke-dasharray:4 3}path.edge{fill:none;stroke:#667}</style>
"##;

/// Where a node is drawn.
#[derive(Clone, Copy, Default)]
struct Place {
    x: usize,
    y: usize,
    width: usize,
}

impl Drawing {
    /// A picture.
    pub(crate) fn svg(&self) -> String {
        let columns = self.sorted(self.columns());
        let mut places = vec![Place::default(); self.nodes.len()];
        let (mut x, mut bottom) = (MARGIN, MARGIN);
        for column in &columns {
            let letters = |index: &usize| self.nodes[*index].label.chars().count();
            let width = column.iter().map(letters).max().unwrap_or(0) * LETTER + 2 * GAP;
            let mut y = MARGIN;
            for index in column {
                places[*index] = Place { x, y, width };
                y += HEIGHT + GAP;
            }
            bottom = bottom.max(y);
            x += width + BETWEEN_COLUMNS;
        }
        let (width, height) = (x.saturating_sub(BETWEEN_COLUMNS) + MARGIN, bottom + MARGIN);
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n{STYLE}"
        );
        for (waits, before) in &self.edges {
            let (from, to) = (places[*waits], places[*before]);
            let (x1, y1) = (from.x, from.y + HEIGHT / 2);
            let (x2, y2) = (to.x + to.width, to.y + HEIGHT / 2);
            let bend = BETWEEN_COLUMNS / 2;
            let (out, into) = (x1.saturating_sub(bend), x2 + bend);
            let _ = writeln!(
                text,
                "<path class=\"edge\" marker-end=\"url(#arrow)\" d=\"M{x1} {y1}C{out} {y1} {into} {y2} {x2} {y2}\"/>"
            );
        }
        for (node, Place { x, y, width }) in self.nodes.iter().zip(&places) {
            let class = if node.cached { "cached" } else { "uncached" };
            let (label, command) = (escaped(&node.label), escaped(&node.command));
            let (text_x, text_y) = (x + GAP, y + HEIGHT / 2 + 4);
            let _ = writeln!(
                text,
                "<g><title>{command}</title><rect class=\"{class}\" x=\"{x}\" y=\"{y}\" \
                 width=\"{width}\" height=\"{HEIGHT}\" rx=\"5\"/>\
                 <text x=\"{text_x}\" y=\"{text_y}\">{label}</text></g>"
            );
        }
        text + "</svg>\n"
    }

    /// The nodes by the longest way to them. Tasks that wait for each other end somewhere, too.
    fn columns(&self) -> Vec<Vec<usize>> {
        let mut waiting = vec![0_usize; self.nodes.len()];
        let mut dependents = vec![Vec::new(); self.nodes.len()];
        for (waits, before) in &self.edges {
            waiting[*waits] += 1;
            dependents[*before].push(*waits);
        }
        let mut column = vec![0; self.nodes.len()];
        let mut open: Vec<usize> = (0..self.nodes.len())
            .filter(|index| waiting[*index] == 0)
            .collect();
        while let Some(index) = open.pop() {
            for next in &dependents[index] {
                column[*next] = column[*next].max(column[index] + 1);
                waiting[*next] -= 1;
                if waiting[*next] == 0 {
                    open.push(*next);
                }
            }
        }
        let mut columns = vec![Vec::new(); column.iter().max().map_or(0, |last| last + 1)];
        for (index, column) in column.into_iter().enumerate() {
            columns[column].push(index);
        }
        columns
    }

    /// Sorts the columns so that fewer edges cross.
    fn sorted(&self, mut columns: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
        let mut neighbours = vec![Vec::new(); self.nodes.len()];
        for (waits, before) in &self.edges {
            neighbours[*waits].push(*before);
            neighbours[*before].push(*waits);
        }
        let mut rank = vec![0; self.nodes.len()];
        let note = |column: &[usize], rank: &mut Vec<usize>| {
            for (at, index) in column.iter().enumerate() {
                rank[*index] = at;
            }
        };
        for column in &columns {
            note(column, &mut rank);
        }
        for sweep in 0..SWEEPS {
            let mut order: Vec<usize> = (0..columns.len()).collect();
            if sweep % 2 == 1 {
                order.reverse();
            }
            for column in order {
                // Scaled, so that whole numbers will do.
                columns[column].sort_by_cached_key(|index| {
                    let around = &neighbours[*index];
                    let sum: usize = around.iter().map(|other| rank[*other] * 1000).sum();
                    sum.checked_div(around.len()).unwrap_or(rank[*index] * 1000)
                });
                note(&columns[column], &mut rank);
            }
        }
        columns
    }
}

/// A text that XML takes as text.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            // XML knows no other control characters, not even by number.
            control if control.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::Node;
    use super::*;

    fn drawing(labels: &[&str], edges: &[(usize, usize)]) -> Drawing {
        let node = |label: &&str| Node {
            label: (*label).to_owned(),
            package: String::new(),
            task: String::new(),
            command: "a < b && \u{1b}c".to_owned(),
            directory: String::new(),
            cached: true,
        };
        Drawing {
            nodes: labels.iter().map(node).collect(),
            edges: edges.to_vec(),
        }
    }

    #[test]
    fn what_is_waited_for_stands_further_left() {
        let drawing = drawing(&["a", "b", "c", "d"], &[(0, 1), (1, 2), (0, 2), (3, 2)]);
        assert_eq!(drawing.columns(), [vec![2], vec![1, 3], vec![0]]);
    }

    #[test]
    fn a_circle_is_drawn_and_not_followed_for_ever() {
        let picture = drawing(&["a", "b"], &[(0, 1), (1, 0)]).svg();
        assert_eq!(picture.matches("<rect").count(), 2);
    }

    #[test]
    fn names_and_commands_cannot_leave_their_place() {
        let picture = drawing(&["<script>\"&"], &[]).svg();
        assert!(
            picture.contains(">&lt;script&gt;&quot;&amp;</text>"),
            "{picture}"
        );
        assert!(
            picture.contains("<title>a &lt; b &amp;&amp; \u{fffd}c</title>"),
            "{picture}"
        );
    }

    #[test]
    fn an_empty_graph_is_an_empty_picture() {
        assert!(drawing(&[], &[]).svg().ends_with("</svg>\n"));
    }
}
