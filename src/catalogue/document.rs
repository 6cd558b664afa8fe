//! The catalogue as a document: a table for a terminal, Markdown for docs/metrics.md, JSON for programs.

use serde_json::json;

use super::{CatalogueRow, Kind, Measurement};

/// How the catalogue is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentFormat {
    /// Columns for a terminal.
    Table,
    /// The table of docs/metrics.md.
    Markdown,
    /// An array of objects: key, metric, unit, kind, labels (beside `profile`), group, source, help.
    Json,
}

/// The catalogue in `format`, ending with a newline.
#[must_use]
pub fn document(format: DocumentFormat) -> String {
    match format {
        DocumentFormat::Table => table(),
        DocumentFormat::Markdown => markdown(),
        DocumentFormat::Json => json(),
    }
}

fn table() -> String {
    let header = ["KEY", "METRIC", "UNIT", "KIND", "SOURCE", "GROUP"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(header).chain(Measurement::all().map(|row| cells(&row))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    rows.iter().map(|row| line(row, widths)).collect()
}

fn line(row: &[String; 6], widths: [usize; 6]) -> String {
    let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    format!("{}\n", padded.join("  ").trim_end())
}

fn cells(row: &CatalogueRow) -> [String; 6] {
    [
        row.key.to_owned(),
        row.metric(),
        row.unit.symbol().to_owned(),
        row.kind().name().to_owned(),
        row.source.field(),
        row.group.name().to_owned(),
    ]
}

fn markdown() -> String {
    let head = "| Metric | Labels | Unit | What it is | Withings source | Group |\n|---|---|---|---|---|---|\n";
    let rows = Measurement::all().map(|row| {
        let unit = match row.kind() {
            Kind::Gauge | Kind::Info => row.unit.symbol().to_owned(),
            Kind::StateSet(states) => states.join(", "),
        };
        let (metric, labels, field) = (row.metric(), labels(&row), row.source.field());
        format!("| `{metric}` | {labels} | {unit} | {} | {field} | {} |\n", row.what, row.group.name())
    });
    std::iter::once(head.to_owned()).chain(rows).collect()
}

fn labels(row: &CatalogueRow) -> String {
    let names: Vec<_> = row.labels.iter().map(|label| format!("`{label}`")).collect();
    names.join(", ")
}

fn json() -> String {
    let rows: Vec<_> = Measurement::all()
        .map(|row| {
            json!({
                "key": row.key,
                "metric": row.metric(),
                "unit": row.unit.symbol(),
                "kind": row.kind().name(),
                "labels": row.labels.iter().map(|label| label.name()).collect::<Vec<_>>(),
                "group": row.group.name(),
                "source": row.source.field(),
                "help": row.help(),
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::from(rows))
}
