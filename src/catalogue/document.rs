//! The catalogue as a document: a table for a terminal, Markdown for docs/metrics.md, JSON for programs.

use serde_json::json;

use super::{CatalogueRow, Kind, Measurement, Needs};

/// The columns of the table for a terminal.
const COLUMNS: usize = 7;

/// How the catalogue is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentFormat {
    /// Columns for a terminal.
    Table,
    /// The table of docs/metrics.md.
    Markdown,
    /// An array of objects: key, metric, unit, ucum, loinc, kind, labels (beside `profile`), group, source, device,
    /// `may_need_plan`, help.
    Json,
}

impl DocumentFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Table, Self::Markdown, Self::Json];

    /// The format's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Markdown => "markdown",
            Self::Json => "json",
        }
    }
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
    let header = ["KEY", "METRIC", "UNIT", "KIND", "SOURCE", "GROUP", "NEEDS"].map(str::to_owned);
    let rows: Vec<[String; COLUMNS]> =
        std::iter::once(header).chain(Measurement::all().map(|row| cells(&row))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    rows.iter().map(|row| line(row, widths)).collect()
}

fn line(row: &[String; COLUMNS], widths: [usize; COLUMNS]) -> String {
    let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    format!("{}\n", padded.join("  ").trim_end())
}

fn cells(row: &CatalogueRow) -> [String; COLUMNS] {
    [
        row.key.to_owned(),
        row.metric(),
        row.unit.symbol().to_owned(),
        row.kind().name().to_owned(),
        row.source.field(),
        row.group.name().to_owned(),
        needs(row),
    ]
}

/// `sleep mat or watch; perhaps a paid plan`.
fn needs(row: &CatalogueRow) -> String {
    let Needs { device, may_need_plan } = row.needs();
    if may_need_plan { format!("{device}; perhaps a paid plan") } else { device.to_owned() }
}

fn markdown() -> String {
    let head =
        "| Metric | Labels | Unit | What it is | Needs | Withings source | Group |\n|---|---|---|---|---|---|---|\n";
    let rows = Measurement::all().map(|row| {
        let unit = match row.kind() {
            Kind::Gauge | Kind::Info => row.unit.symbol().to_owned(),
            Kind::StateSet(states) => states.join(", "),
        };
        let (metric, labels, field) = (row.metric(), labels(&row), row.source.field());
        let (what, needs, group) = (row.what, needs(&row), row.group.name());
        format!("| `{metric}` | {labels} | {unit} | {what} | {needs} | {field} | {group} |\n")
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
                "ucum": row.unit.ucum(),
                "loinc": row.loinc(),
                "kind": row.kind().name(),
                "labels": row.labels.iter().map(|label| label.name()).collect::<Vec<_>>(),
                "group": row.group.name(),
                "source": row.source.field(),
                "device": row.needs().device,
                "may_need_plan": row.needs().may_need_plan,
                "help": row.help(),
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::from(rows))
}
