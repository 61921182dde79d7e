-- Who may send. `generation` counts changes of these tables, so that other processes can tell them from changes of the
-- ledger, which lives in the same file.
CREATE TABLE generation (only INTEGER PRIMARY KEY CHECK (only = 1), directory INTEGER NOT NULL) STRICT;
INSERT INTO generation VALUES (1, 0);

CREATE TABLE tenant (
    name TEXT PRIMARY KEY,
    contact TEXT,
    limits TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE domain (
    name TEXT PRIMARY KEY,
    tenant TEXT NOT NULL REFERENCES tenant (name),
    limits TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX domain_tenant ON domain (tenant);

CREATE TABLE account (
    login TEXT PRIMARY KEY,
    domain TEXT NOT NULL REFERENCES domain (name),
    tenant TEXT NOT NULL REFERENCES tenant (name),
    hash TEXT NOT NULL,
    cost TEXT NOT NULL,
    also_sends_as TEXT NOT NULL,
    language TEXT NOT NULL,
    limits TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    role TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX account_domain ON account (domain);
CREATE INDEX account_tenant ON account (tenant, login);
CREATE INDEX account_cost ON account (cost);

CREATE TABLE network (
    name TEXT PRIMARY KEY,
    range TEXT NOT NULL,
    trust TEXT NOT NULL,
    tenant TEXT NOT NULL,
    also_sends_as TEXT NOT NULL,
    limits TEXT NOT NULL,
    UNIQUE (range, trust)
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_key (
    domain TEXT NOT NULL,
    selector TEXT NOT NULL,
    pem TEXT NOT NULL,
    PRIMARY KEY (domain, selector)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER tenant_added AFTER INSERT ON tenant BEGIN UPDATE generation SET directory = directory + 1; END;
CREATE TRIGGER tenant_changed AFTER UPDATE ON tenant BEGIN UPDATE generation SET directory = directory + 1; END;
CREATE TRIGGER tenant_removed AFTER DELETE ON tenant BEGIN UPDATE generation SET directory = directory + 1; END;
CREATE TRIGGER domain_added AFTER INSERT ON domain BEGIN UPDATE generation SET directory = directory + 1; END;
CREATE TRIGGER domain_changed AFTER UPDATE ON domain BEGIN UPDATE generation SET directory = directory + 1; END;
CREATE TRIGGER domain_removed AFTER DELETE ON domain BEGIN UPDATE generation SET directory = directory + 1; END;
CREATE TRIGGER account_added AFTER INSERT ON account BEGIN UPDATE generation SET directory = directory + 1; END;
CREATE TRIGGER account_changed AFTER UPDATE ON account BEGIN UPDATE generation SET directory = directory + 1; END;
CREATE TRIGGER account_removed AFTER DELETE ON account BEGIN UPDATE generation SET directory = directory + 1; END;
CREATE TRIGGER network_added AFTER INSERT ON network BEGIN UPDATE generation SET directory = directory + 1; END;
CREATE TRIGGER network_changed AFTER UPDATE ON network BEGIN UPDATE generation SET directory = directory + 1; END;
CREATE TRIGGER network_removed AFTER DELETE ON network BEGIN UPDATE generation SET directory = directory + 1; END;
CREATE TRIGGER signing_key_added AFTER INSERT ON signing_key BEGIN UPDATE generation SET directory = directory + 1; END;
CREATE TRIGGER signing_key_changed AFTER UPDATE ON signing_key BEGIN UPDATE generation SET directory = directory + 1; END;
CREATE TRIGGER signing_key_removed AFTER DELETE ON signing_key BEGIN UPDATE generation SET directory = directory + 1; END;

-- What is remembered of senders, domains and tenants. `conduct` and `counters` are JSON.
CREATE TABLE ledger (
    key TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    domain TEXT NOT NULL,
    conduct TEXT NOT NULL,
    counters TEXT NOT NULL,
    last_seen INTEGER NOT NULL
) STRICT;

-- What operators paused. `scope` is JSON.
CREATE TABLE pause (
    scope TEXT PRIMARY KEY,
    by TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
