//! One row of a table: an identifier, what Theseus does, and what shows it, apart by tabs.

/// A row.
pub(crate) struct Row<'a> {
    pub(crate) id: &'a str,
    pub(crate) proof: Proof<'a>,
}

/// What shows that a statement is kept.
pub(crate) enum Proof<'a> {
    /// Tests that fail if it is not, each as `path.rs::function`.
    Tests(Vec<&'a str>),
    /// There can be none, and the row says why.
    Untestable,
}

/// The rows below the line that names the columns; an error says what is wrong with one.
pub(crate) fn rows(table: &str) -> impl Iterator<Item = Result<Row<'_>, &'static str>> {
    table.lines().skip(1).map(row)
}

fn row(line: &str) -> Result<Row<'_>, &'static str> {
    let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
    let [id, does, proof] = cells[..] else { return Err("a row has three columns, with tabs") };
    if [id, does, proof].contains(&"") {
        return Err("a cell is empty");
    }
    Ok(Row { id, proof: read_proof(proof)? })
}

fn read_proof(cell: &str) -> Result<Proof<'_>, &'static str> {
    if let Some(why) = cell.strip_prefix("none:") {
        return if why.trim().is_empty() {
            Err("say why there is no test")
        } else {
            Ok(Proof::Untestable)
        };
    }
    Ok(Proof::Tests(cell.split(", ").collect()))
}
