-- Facts that only Dayfly can know. What the engine or the forge can tell is not stored.
-- Times are milliseconds since 1970, UTC.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE repositories (
    id      INTEGER PRIMARY KEY,          -- the forge's own number
    name    TEXT NOT NULL,                -- owner/name as last heard
    slug    TEXT NOT NULL UNIQUE,         -- allotted once and kept
    seen_at INTEGER NOT NULL
) STRICT;

CREATE TABLE previews (
    id              TEXT PRIMARY KEY,
    origin          TEXT NOT NULL CHECK (origin IN ('pull-request', 'local')),
    repository_id   INTEGER REFERENCES repositories (id),
    number          INTEGER,
    slug            TEXT NOT NULL,        -- the part of its host names that says whose it is
    life            INTEGER NOT NULL DEFAULT 1,
    wanted          TEXT NOT NULL,        -- JSON
    looks_raised    INTEGER NOT NULL DEFAULT 0,
    looks_applied   INTEGER NOT NULL DEFAULT 0,
    request         INTEGER NOT NULL DEFAULT 0,
    confirmed       INTEGER,
    clearing        INTEGER NOT NULL DEFAULT 0,
    hold            TEXT,                 -- JSON
    missing_since   INTEGER,
    reported        TEXT,
    records         INTEGER NOT NULL DEFAULT 0,
    link_token      TEXT,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    pushed_at       INTEGER NOT NULL,
    visited_at      INTEGER,
    gone_at         INTEGER,
    UNIQUE (repository_id, number)
) STRICT;

CREATE TABLE revisions (
    preview    TEXT NOT NULL REFERENCES previews (id),
    number     INTEGER NOT NULL,
    life       INTEGER NOT NULL,
    commit_sha TEXT NOT NULL,
    request    INTEGER NOT NULL,
    blueprint  TEXT,                      -- JSON
    images     TEXT NOT NULL DEFAULT '{}',
    migrated   TEXT NOT NULL DEFAULT '[]',
    attempts   TEXT NOT NULL DEFAULT '[]',
    healthy_at INTEGER,
    outcome    TEXT,                      -- JSON
    began_at   INTEGER NOT NULL,
    PRIMARY KEY (preview, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE databases (
    preview  TEXT NOT NULL REFERENCES previews (id),
    name     TEXT NOT NULL,
    life     INTEGER NOT NULL,
    password TEXT NOT NULL,
    born_at  INTEGER,
    PRIMARY KEY (preview, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    guid        TEXT PRIMARY KEY,
    event       TEXT NOT NULL,
    action      TEXT,
    repository  TEXT,
    number      INTEGER,
    decision    TEXT NOT NULL,            -- 'look', 'look-all', 'ignored'
    reason      TEXT,
    received_at INTEGER NOT NULL
) STRICT;
CREATE INDEX deliveries_by_time ON deliveries (received_at);

CREATE TABLE events (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    preview  TEXT NOT NULL,
    revision INTEGER,
    at       INTEGER NOT NULL,
    step     TEXT NOT NULL,
    took_ms  INTEGER NOT NULL,
    note     TEXT
) STRICT;
CREATE INDEX events_by_preview ON events (preview, id);

CREATE TABLE sessions (
    digest     TEXT PRIMARY KEY,          -- SHA-256 of the cookie's value
    preview    TEXT NOT NULL REFERENCES previews (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
