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

/// The table, a line for the headings and one for each row. No line ends in spaces.
pub(super) fn table(columns: &[Column], rows: &[Vec<String>]) -> String {
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
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
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
