-- A story's summary. `id` is the story's id, which is ordered by time. The hashes (XXH3 of the text, 64 bits) keep two
-- indexes small: where senders come in any order, every new row changes another page of them.
CREATE TABLE story (
    id INTEGER PRIMARY KEY,
    at INTEGER,
    tenant TEXT NOT NULL,
    domain TEXT NOT NULL,
    sender TEXT NOT NULL,
    client TEXT NOT NULL,
    listener TEXT NOT NULL,
    reverse_path TEXT NOT NULL,
    recipients TEXT NOT NULL,
    header_from TEXT NOT NULL,
    subject TEXT NOT NULL,
    message_id TEXT NOT NULL,
    size_octets INTEGER NOT NULL,
    class TEXT NOT NULL,
    action TEXT NOT NULL,
    cause TEXT NOT NULL,
    reason TEXT NOT NULL,
    score_db REAL NOT NULL,
    status TEXT NOT NULL,
    last_reply TEXT NOT NULL,
    stored INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    sender_hash INTEGER NOT NULL,
    tenant_hash INTEGER NOT NULL
) STRICT;
CREATE INDEX story_sender ON story (sender_hash, id);
CREATE INDEX story_class ON story (class, id);
CREATE INDEX story_tenant ON story (tenant_hash, id);

-- Events of a story, one row a batch: a JSON array.
CREATE TABLE batch (
    number INTEGER PRIMARY KEY,
    story INTEGER NOT NULL,
    events TEXT NOT NULL
) STRICT;
CREATE INDEX batch_story ON batch (story);
