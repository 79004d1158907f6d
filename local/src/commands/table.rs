//! Tables on a terminal: columns as wide as their widest cell, numbers to the right.

/// Between two columns.
const GAP: &str = "  ";

/// A column's heading, and to which side its cells go.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// Text.
    Left(&'static str),
    /// A number.
    Right(&'static str),
}

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Self::Left(heading) | Self::Right(heading) => heading,
        }
    }
}

/// The table, a line for the headings and one for each row. No line ends in spaces. A cell may hold what a stranger wrote into a
/// record: what would steer the terminal, or turn the direction of writing, is replaced.
pub(super) fn table(columns: &[Column], rows: &[Vec<String>]) -> String {
    let plain = |cell: &String| cell.replace(steers, "\u{fffd}");
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(plain).collect())
        .collect();
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        let widest = cells.map(|cell| cell.chars().count()).max();
        widest.unwrap_or(0).max(columns[at].heading().len())
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let placed = cells.iter().zip(columns).zip(&widths);
        let placed = placed.map(|((cell, column), width)| match column {
            Column::Left(_) => format!("{cell:<width$}"),
            Column::Right(_) => format!("{cell:>width$}"),
        });
        let placed: Vec<String> = placed.collect();
        format!("{}\n", placed.join(GAP).trim_end())
    };
    let mut text = line(columns.iter().map(|of| of.heading()).collect());
    for row in &rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}

/// Control characters, and marks that are not seen and change what is.
fn steers(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_in_their_last_word() {
        let row = |name: &str, count: &str, why: &str| {
            vec![name.to_owned(), count.to_owned(), why.to_owned()]
        };
        let columns = [
            Column::Left("name"),
            Column::Right("count"),
            Column::Left("why"),
        ];
        assert_eq!(
            table(
                &columns,
                &[row("a", "1,000,000", "x"), row("longer", "2", "")]
            ),
            "name        count  why\na       1,000,000  x\nlonger          2\n"
        );
    }
}
