//! What is damaged in the queue, in words: for `dogana store verify` and for the log of the start.

use store::Recovery;

/// What is damaged, a sentence each.
pub fn damages(queue: &Recovery) -> Vec<String> {
    let mut lines: Vec<String> = queue
        .damaged
        .iter()
        .map(|damage| {
            let message = damage.id.map_or("no message that is known".to_owned(), |id| {
                format!("message {id}, on hold")
            });
            format!(
                "queue: {} is damaged from octet {} to {}: {message}",
                damage.file, damage.from, damage.to
            )
        })
        .collect();
    let untold = queue.damaged_count.saturating_sub(lines.len() as u64);
    if untold > 0 {
        lines.push(format!("queue: {untold} further damaged stretches"));
    }
    if queue.files_set_aside > 0 {
        lines.push(format!(
            "queue: {} damaged files were set aside as ….seg.damaged; what could be read has moved out of them",
            queue.files_set_aside
        ));
    }
    lines
}
