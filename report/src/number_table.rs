//! A CSV file of numbers with a header: `metrics.csv`, `timing.csv`, `eval.csv`.

use std::path::{Path, PathBuf};

use crate::error::ReportError;
use crate::stats::Curve;

/// Columns of numbers; an empty cell is no value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NumberTable {
    path: PathBuf,
    names: Vec<String>,
    columns: Vec<Vec<Option<f64>>>,
    /// Line of each row in the file, so that a complaint can name it.
    lines: Vec<u64>,
    non_finite: Vec<(u64, String)>,
}

impl NumberTable {
    /// Reads a CSV file.
    ///
    /// A last line without its line break and with too few cells is what a killed run leaves behind; it is dropped.
    /// NaN and infinite cells become missing values and are listed by [`NumberTable::non_finite`].
    ///
    /// # Errors
    /// [`ReportError::Read`], and [`ReportError::Cell`] for a cell that is not a number or a row of the wrong width.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let text = crate::error::read_text(path)?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ReportError> {
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_reader(text.as_bytes());
        let bad = |line, column: &str, message: String| ReportError::Cell {
            path: path.to_owned(),
            line,
            column: column.to_owned(),
            message,
        };
        let names: Vec<String> = reader
            .headers()
            .map_err(|error| bad(1, "", format!("the header cannot be read: {error}")))?
            .iter()
            .map(|name| name.trim().to_owned())
            .collect();
        let columns = vec![Vec::new(); names.len()];
        let mut table = Self {
            path: path.to_owned(),
            names,
            columns,
            lines: Vec::new(),
            non_finite: Vec::new(),
        };
        let cut_off = !text.ends_with('\n');
        let mut records = reader.records().peekable();
        while let Some(record) = records.next() {
            let record = record.map_err(|error| bad(0, "", error.to_string()))?;
            let line = record.position().map_or(0, csv::Position::line);
            let last = records.peek().is_none();
            if record.len() != table.names.len() {
                if last && cut_off && record.len() < table.names.len() {
                    break;
                }
                let message = format!("expected {} cells, found {}", table.names.len(), record.len());
                return Err(bad(line, table.names.last().map_or("", String::as_str), message));
            }
            table.push_row(line, &record)?;
        }
        Ok(table)
    }

    fn push_row(&mut self, line: u64, record: &csv::StringRecord) -> Result<(), ReportError> {
        for (k, cell) in record.iter().enumerate() {
            let cell = cell.trim();
            let value = if cell.is_empty() {
                None
            } else {
                let value: f64 = cell.parse().map_err(|_| ReportError::Cell {
                    path: self.path.clone(),
                    line,
                    column: self.names[k].clone(),
                    message: format!(
                        "`{cell}` is not a number; leave the cell empty where there is no value"
                    ),
                })?;
                if !value.is_finite() {
                    self.non_finite.push((line, self.names[k].clone()));
                }
                Some(value).filter(|value| value.is_finite())
            };
            self.columns[k].push(value);
        }
        self.lines.push(line);
        Ok(())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Names of the columns, in file order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Cells that were NaN or infinite: line and column.
    pub fn non_finite(&self) -> &[(u64, String)] {
        &self.non_finite
    }

    /// Values of a column, if there is such a column.
    pub fn column(&self, name: &str) -> Option<&[Option<f64>]> {
        self.names
            .iter()
            .position(|n| n == name)
            .map(|k| self.columns[k].as_slice())
    }

    /// Values of a column that must be there and full.
    ///
    /// # Errors
    /// [`ReportError::Column`] without the column, [`ReportError::Cell`] for an empty or non-finite cell.
    pub fn full_column(&self, name: &str) -> Result<Vec<f64>, ReportError> {
        let column = self.column(name).ok_or_else(|| ReportError::Column {
            path: self.path.clone(),
            column: name.to_owned(),
            found: self.names.join(", "),
        })?;
        column
            .iter()
            .zip(&self.lines)
            .map(|(value, line)| {
                value.ok_or_else(|| ReportError::Cell {
                    path: self.path.clone(),
                    line: *line,
                    column: name.to_owned(),
                    message: "a finite number is needed here, the cell is empty, NaN or infinite; \
                              run that evaluation again or remove the run"
                        .to_owned(),
                })
            })
            .collect()
    }

    /// A column over the `step` column, without its empty cells; `None` if nothing is left. Where a step appears twice
    /// the later row holds: a resumed run may repeat its last row.
    pub fn curve(&self, name: &str) -> Option<Curve> {
        let (steps, values) = (self.column("step")?, self.column(name)?);
        let mut curve = Curve::default();
        for (step, value) in steps.iter().zip(values) {
            let (Some(step), Some(value)) = (step, value) else {
                continue;
            };
            while curve.steps.last().is_some_and(|last| last >= step) {
                curve.steps.pop();
                curve.values.pop();
            }
            curve.steps.push(*step);
            curve.values.push(*value);
        }
        (!curve.steps.is_empty()).then_some(curve)
    }

    /// Last value of a column that is not empty.
    pub fn last(&self, name: &str) -> Option<f64> {
        self.column(name)?.iter().rev().find_map(|value| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<NumberTable, ReportError> {
        NumberTable::parse(Path::new("metrics.csv"), text)
    }

    #[test]
    fn empty_cells_are_no_values() {
        let table = parse("step,a,b\n0,,1\n10,2,\n20,3,4\n").unwrap();
        assert_eq!(table.column("a").unwrap(), [None, Some(2.0), Some(3.0)]);
        assert_eq!(table.curve("b").unwrap().steps, vec![0.0, 20.0]);
        assert_eq!(table.last("b"), Some(4.0));
    }

    #[test]
    fn a_cut_off_last_line_is_dropped_but_a_short_line_inside_is_not() {
        assert_eq!(parse("step,a\n0,1\n10").unwrap().len(), 1);
        let error = parse("step,a\n0\n10,1\n").unwrap_err().to_string();
        assert_eq!(
            error,
            "metrics.csv: line 2, column `a`: expected 2 cells, found 1"
        );
    }

    #[test]
    fn words_name_their_cell() {
        let error = parse("step,a\n0,1\n10,oops\n").unwrap_err().to_string();
        assert!(
            error.starts_with("metrics.csv: line 3, column `a`: `oops` is not a number"),
            "{error}"
        );
    }

    #[test]
    fn nan_is_missing_and_listed() {
        let table = parse("step,a\n0,1\n10,NaN\n").unwrap();
        assert_eq!(table.non_finite(), [(3, "a".to_owned())]);
        assert!(matches!(
            table.full_column("a"),
            Err(ReportError::Cell { line: 3, .. })
        ));
        assert!(matches!(table.full_column("z"), Err(ReportError::Column { .. })));
    }

    #[test]
    fn a_repeated_step_keeps_the_later_row() {
        let table = parse("step,a\n0,1\n10,2\n10,5\n20,7\n").unwrap();
        assert_eq!(table.curve("a").unwrap().values, vec![1.0, 5.0, 7.0]);
    }
}
