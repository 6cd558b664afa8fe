//! The catalogue as a document: a table for a terminal, Markdown for docs/metrics.md, JSON for programs.

use serde_json::json;

use super::{Kind, Measurement, Row};

/// How the catalogue is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Columns for a terminal.
    Table,
    /// The table of docs/metrics.md.
    Markdown,
    /// An array of objects: key, metric, unit, kind, labels (beside `profile`), group, source, help.
    Json,
}

/// The catalogue in `format`, ending with a newline.
#[must_use]
pub fn document(format: Format) -> String {
    match format {
        Format::Table => table(),
        Format::Markdown => markdown(),
        Format::Json => json(),
    }
}

fn table() -> String {
    let header = ["KEY", "METRIC", "UNIT", "KIND", "SOURCE", "GROUP"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(header).chain(Measurement::all().map(|it| cells(&it))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    rows.iter().map(|row| line(row, widths)).collect()
}

fn line(row: &[String; 6], widths: [usize; 6]) -> String {
    let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    format!("{}\n", padded.join("  ").trim_end())
}

fn cells(row: &Row) -> [String; 6] {
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
    let rows = Measurement::all().map(|it| {
        let unit = match it.kind() {
            Kind::Gauge | Kind::Info => it.unit.symbol().to_owned(),
            Kind::StateSet(states) => states.join(", "),
        };
        let (metric, labels, field) = (it.metric(), labels(&it), it.source.field());
        format!("| `{metric}` | {labels} | {unit} | {} | {field} | {} |\n", it.what, it.group.name())
    });
    std::iter::once(head.to_owned()).chain(rows).collect()
}

fn labels(row: &Row) -> String {
    let names: Vec<_> = row.labels.iter().map(|it| format!("`{it}`")).collect();
    names.join(", ")
}

fn json() -> String {
    let rows: Vec<_> = Measurement::all()
        .map(|it| {
            json!({
                "key": it.key,
                "metric": it.metric(),
                "unit": it.unit.symbol(),
                "kind": it.kind().name(),
                "labels": it.labels.iter().map(|it| it.name()).collect::<Vec<_>>(),
                "group": it.group.name(),
                "source": it.source.field(),
                "help": it.help(),
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::from(rows))
}
