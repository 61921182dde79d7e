-- What people said of messages. `sample` is what the model learns from: folded characters and hashes of traits, no original.
CREATE TABLE label (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    spam INTEGER NOT NULL,
    source TEXT NOT NULL,
    account TEXT NOT NULL,
    sample BLOB NOT NULL
);
CREATE INDEX label_account ON label (account, at);

-- The model as it was after a label.
CREATE TABLE snapshot (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    label INTEGER NOT NULL,
    octets BLOB NOT NULL
);

-- The key of this site's model, and the ranks of accepted mail by role.
CREATE TABLE state (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
