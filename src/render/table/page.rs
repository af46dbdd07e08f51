//! A page of text for terminals: headings, sentences and tables that fit [`COLUMNS`], coloured if the reader wants.
//!
//! Colour repeats what the text says and says nothing alone. Cells arrive safe to show; names are shortened here,
//! because only here is known how much room the other columns leave.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use crate::text;

/// Width of a page.
pub(super) const COLUMNS: usize = 100;

/// Columns between two columns of a table.
const GAP: usize = 2;

const HEADING: Style = Style::new().bold();
const FAILING: Style = AnsiColor::Red.on_default();

/// Where text goes.
pub(super) struct Page<'a> {
    pub(super) out: &'a mut dyn Write,
    pub(super) color: bool,
}

impl Page<'_> {
    fn line(&mut self, style: Style, line: &str) -> io::Result<()> {
        if self.color && style != Style::new() {
            writeln!(self.out, "{style}{line}{style:#}")
        } else {
            writeln!(self.out, "{line}")
        }
    }

    /// Writes a heading after an empty line.
    pub(super) fn heading(&mut self, heading: &str) -> io::Result<()> {
        writeln!(self.out)?;
        self.styled(HEADING, heading, 0)
    }

    /// Writes sentences, broken into lines; further lines of the paragraph are indented.
    pub(super) fn paragraph(&mut self, text: &str, indent: usize) -> io::Result<()> {
        self.styled(Style::new(), text, indent)
    }

    /// Writes sentences that report a failure.
    pub(super) fn alarm(&mut self, text: &str) -> io::Result<()> {
        self.styled(FAILING, text, 0)
    }

    /// Writes sentences that report a failure; further lines of the paragraph are indented.
    pub(super) fn alarm_indented(&mut self, text: &str, indent: usize) -> io::Result<()> {
        self.styled(FAILING, text, indent)
    }

    fn styled(&mut self, style: Style, text: &str, indent: usize) -> io::Result<()> {
        // What a sentence is moved in by stays, on all of its lines.
        let moved_in = text.len() - text.trim_start_matches(' ').len();
        let lines = text::wrapped(text, COLUMNS - indent - moved_in);
        for (at, line) in lines.iter().enumerate() {
            let indent = moved_in + if at == 0 { 0 } else { indent };
            self.line(style, &format!("{:indent$}{line}", ""))?;
        }
        Ok(())
    }

    /// Writes a table.
    pub(super) fn grid(&mut self, grid: &Grid) -> io::Result<()> {
        for (at, line) in grid.lines().iter().enumerate() {
            let style = match at.checked_sub(2) {
                None if at == 0 => HEADING,
                Some(row) if grid.rows[row].failing => FAILING,
                _ => Style::new(),
            };
            self.line(style, line)?;
        }
        Ok(())
    }
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// Names, on the left; shortened in the middle when room is short.
    Name,
    /// Short words, on the left.
    Word,
    /// Numbers, on the right.
    Number,
}

/// A row of a table.
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    /// Whether it reports a failure.
    pub(super) failing: bool,
}

/// A table: a title and a column each, and rows of as many cells.
pub(super) struct Grid {
    titles: Vec<&'static str>,
    columns: Vec<Column>,
    rows: Vec<Row>,
}

impl Grid {
    /// Returns a table of rows, without the numbers and words that no row has.
    pub(super) fn new(head: &[(&'static str, Column)], mut rows: Vec<Row>) -> Grid {
        let used: Vec<bool> = head
            .iter()
            .enumerate()
            .map(|(at, (_, column))| {
                *column == Column::Name || rows.iter().any(|row| !row.cells[at].is_empty())
            })
            .collect();
        for row in &mut rows {
            let mut at = 0;
            row.cells.retain(|_| {
                at += 1;
                used[at - 1]
            });
        }
        let kept = || {
            head.iter()
                .zip(&used)
                .filter(|(_, used)| **used)
                .map(|(head, _)| *head)
        };
        Grid {
            titles: kept().map(|(title, _)| title).collect(),
            columns: kept().map(|(_, column)| column).collect(),
            rows,
        }
    }

    /// Returns the lines of the table: titles, a rule, and one for each row.
    fn lines(&self) -> Vec<String> {
        let widths = self.widths();
        let mut table = Table::new();
        table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('-')));
        table.set_header(self.titles.iter().copied());
        for row in &self.rows {
            let cells = row.cells.iter().zip(&widths);
            table.add_row(cells.map(|(cell, width)| text::truncated(cell, *width)));
        }
        for (at, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, self.gap(at) as u16));
            column.set_cell_alignment(match self.columns[at] {
                Column::Name | Column::Word => CellAlignment::Left,
                Column::Number => CellAlignment::Right,
            });
        }
        table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }

    /// Returns the columns left free behind a column; signs without a title stand close to what they join.
    fn gap(&self, at: usize) -> usize {
        match self.titles.get(at + 1) {
            None => 0,
            Some(next) if next.is_empty() || self.titles[at].is_empty() => 1,
            Some(_) => GAP,
        }
    }

    /// Returns the width of every column: what its cells need, but names share what is left of the page.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.titles.iter().map(|title| title.len()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(text::width(cell));
            }
        }
        let mut names: Vec<usize> = (0..widths.len())
            .filter(|&at| self.columns[at] == Column::Name)
            .collect();
        names.sort_by_key(|&at| widths[at]);
        let others: usize = (0..widths.len())
            .filter(|at| !names.contains(at))
            .map(|at| widths[at])
            .sum();
        let gaps: usize = (0..widths.len()).map(|at| self.gap(at)).sum();
        let mut room = COLUMNS.saturating_sub(others + gaps);
        for (shared, &at) in names.iter().enumerate() {
            widths[at] = widths[at].min(room / (names.len() - shared));
            room -= widths[at];
        }
        widths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Row {
        Row {
            cells: cells.iter().map(|cell| (*cell).to_owned()).collect(),
            failing: false,
        }
    }

    #[test]
    fn numbers_stand_on_the_right_and_unused_columns_are_left_out() {
        let head = [
            ("name", Column::Name),
            ("calls", Column::Number),
            ("retries", Column::Number),
        ];
        let grid = Grid::new(
            &head,
            vec![row(&["a", "1", ""]), row(&["checkout", "1,234", ""])],
        );
        assert_eq!(
            grid.lines(),
            [
                "name      calls",
                "---------------",
                "a             1",
                "checkout  1,234"
            ]
        );
    }

    #[test]
    fn long_names_share_what_short_ones_leave() {
        let head = [
            ("a", Column::Name),
            ("b", Column::Name),
            ("n", Column::Number),
        ];
        let long = "x".repeat(200);
        let grid = Grid::new(&head, vec![row(&["short", &long, "12"])]);
        assert_eq!(grid.widths(), [5, 100 - 5 - 2 - 4, 2]);
        let grid = Grid::new(&head, vec![row(&[&long, &long, "12"])]);
        assert_eq!(grid.widths(), [47, 47, 2]);
        assert!(grid.lines().iter().all(|line| line.len() <= COLUMNS));
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let head = [("name", Column::Name)];
        let rows = || {
            vec![Row {
                cells: vec!["a".to_owned()],
                failing: true,
            }]
        };
        let [plain, colored] = [false, true].map(|color| {
            let mut out = Vec::new();
            let mut page = Page {
                out: &mut out,
                color,
            };
            page.heading("Edges").unwrap();
            page.alarm("1 failed").unwrap();
            page.grid(&Grid::new(&head, rows())).unwrap();
            String::from_utf8(out).unwrap()
        });
        assert!(colored.contains("\x1b[31ma\x1b[0m"));
        assert_eq!(
            colored
                .replace("\x1b[31m", "")
                .replace("\x1b[1m", "")
                .replace("\x1b[0m", ""),
            plain
        );
    }
}
