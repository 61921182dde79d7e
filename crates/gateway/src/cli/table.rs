//! Tables for the terminal: aligned columns, controls shown as `?`, the last column wrapped where the line has a bound.

/// Prints a table, one line a row; numbers are set to the right.
pub fn print(head: &[&str], rows: &[Vec<String>]) {
    for line in lines(head, rows, usize::MAX) {
        println!("{line}");
    }
}

/// Its lines; a cell of the last column that would go beyond `columns_max` is wrapped into more lines.
pub fn lines(head: &[&str], rows: &[Vec<String>], columns_max: usize) -> Vec<String> {
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
    if let Some((last, others)) = widths.split_last_mut() {
        let before: usize = others.iter().map(|width| width + 2).sum();
        *last = (*last).min(columns_max.saturating_sub(before).max(LAST_COLUMN_MIN));
    }
    let head: Vec<String> = head.iter().map(|&word| word.to_owned()).collect();
    let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
    let rows = std::iter::once(&head).chain([&rule]).chain(&rows);
    rows.flat_map(|row| row_lines(row, &widths)).collect()
}

/// The last column is never narrower.
const LAST_COLUMN_MIN: usize = 20;

fn row_lines(row: &[String], widths: &[usize]) -> Vec<String> {
    let Some((last, others)) = row.split_last() else {
        return Vec::new();
    };
    let width = widths.get(others.len()).copied().unwrap_or(usize::MAX);
    let mut before = String::new();
    for (cell, width) in others.iter().zip(widths) {
        before.push_str(&set(cell, *width, false));
        before.push_str("  ");
    }
    let blank = " ".repeat(before.chars().count());
    let pieces = wrapped(last, width);
    let starts = std::iter::once(before.as_str()).chain(std::iter::repeat(blank.as_str()));
    let lines = pieces.iter().zip(starts);
    lines
        .map(|(piece, start)| {
            format!("{start}{}", set(piece, width, true))
                .trim_end()
                .to_owned()
        })
        .collect()
}

/// The cell in its column.
fn set(cell: &str, width: usize, last: bool) -> String {
    let number = !cell.is_empty() && cell.chars().all(|c| c.is_ascii_digit() || ".,+-%".contains(c));
    let fill = || " ".repeat(width.saturating_sub(cell.chars().count()));
    match (number, last) {
        (true, _) => fill() + cell,
        (false, true) => cell.to_owned(),
        (false, false) => cell.to_owned() + &fill(),
    }
}

/// Without what moves the cursor or turns the direction of writing.
pub fn clean(text: &str) -> String {
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if hides(c) { '?' } else { c }).collect()
}

/// In lines of at most `columns` characters, broken at blanks where there are any; at least one line.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > columns {
            lines.push(String::new());
            used = 0;
        } else if used > 0 {
            used += push(&mut lines, ' ');
        }
        for c in word.chars() {
            if used == columns {
                lines.push(String::new());
                used = 0;
            }
            used += push(&mut lines, c);
        }
    }
    lines
}

/// Adds to the last line.
fn push(lines: &mut [String], c: char) -> usize {
    lines.last_mut().map_or(0, |line| {
        line.push(c);
        1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks() {
        for (text, columns, expected) in [
            ("", 5, vec![""]),
            ("a b", 5, vec!["a b"]),
            ("one two three", 8, vec!["one two", "three"]),
            ("abcdefgh ij", 3, vec!["abc", "def", "gh", "ij"]),
            ("ещё одно слово", 8, vec!["ещё одно", "слово"]),
        ] {
            assert_eq!(wrapped(text, columns), expected, "{text}");
        }
    }

    #[test]
    fn the_last_column_is_wrapped_below_itself() {
        let rows = [
            vec![
                "+1.0".to_owned(),
                "x".to_owned(),
                "some words that are\u{1b} long".to_owned(),
            ],
            vec!["-20.0".to_owned(), "long".to_owned(), String::new()],
        ];
        assert_eq!(
            lines(&["dB", "name", "seen"], &rows, 33),
            [
                "dB     name  seen",
                "─────  ────  ────────────────────",
                " +1.0  x     some words that are?",
                "             long",
                "-20.0  long",
            ]
        );
        assert!(
            lines(&["a", "b"], &[vec!["x".repeat(9), "y".repeat(300)]], 60)
                .iter()
                .all(|line| line.chars().count() <= 60)
        );
    }
}
