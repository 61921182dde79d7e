//! Tables for the terminal: aligned columns, one line a row, controls shown as `?`.

/// Prints a table; numbers are set to the right.
pub fn print(head: &[&str], rows: &[Vec<String>]) {
    let clean = |text: &str| -> String {
        text.chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect()
    };
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| clean(cell)).collect())
        .collect();
    let mut widths: Vec<usize> = head.iter().map(|word| word.chars().count()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let mut out = String::new();
        for (index, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let fill = " ".repeat(width.saturating_sub(cell.chars().count()));
            let number = !cell.is_empty() && cell.chars().all(|c| c.is_ascii_digit() || ".,+-%".contains(c));
            let last = index + 1 == cells.len();
            out.push_str(&match (number, last) {
                (true, _) => format!("{fill}{cell}"),
                (false, true) => (*cell).to_owned(),
                (false, false) => format!("{cell}{fill}"),
            });
            out.push_str(if last { "" } else { "  " });
        }
        out
    };
    println!("{}", line(head.to_vec()));
    println!(
        "{}",
        widths
            .iter()
            .map(|width| "─".repeat(*width))
            .collect::<Vec<_>>()
            .join("  ")
    );
    for row in &rows {
        println!("{}", line(row.iter().map(String::as_str).collect()));
    }
}
