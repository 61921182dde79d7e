-- How senders behave: each sender's ledger in its resting form, and what the site knows (its key, its age, what honest mail weighs).
ALTER TABLE ledger ADD COLUMN habits BLOB NOT NULL DEFAULT x'';

CREATE TABLE conduct (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
