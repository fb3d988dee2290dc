-- Databases have generations: states of their data that revisions run on. What was made before had
-- none; it is taken away and made again.
DROP TABLE databases;

CREATE TABLE generations (
    preview    TEXT NOT NULL REFERENCES previews (id),
    generation INTEGER NOT NULL,
    source     TEXT NOT NULL,              -- JSON: where its data come from
    fresh      TEXT NOT NULL DEFAULT '[]', -- JSON: databases that come from their seeds all the same
    PRIMARY KEY (preview, generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE databases (
    preview    TEXT NOT NULL REFERENCES previews (id),
    generation INTEGER NOT NULL,
    name       TEXT NOT NULL,
    password   TEXT NOT NULL,
    born_at    INTEGER,
    answers    INTEGER NOT NULL DEFAULT 0, -- the last start of its server came to its end
    PRIMARY KEY (preview, generation, name)
) STRICT, WITHOUT ROWID;

ALTER TABLE revisions ADD COLUMN generation INTEGER;
ALTER TABLE revisions ADD COLUMN served_at INTEGER;  -- visitors were led to it
UPDATE revisions SET served_at = healthy_at;
-- What was read of a commit is read again: databases are described in another way now.
UPDATE revisions SET migrated = '[]', blueprint = NULL
WHERE coalesce(json_array_length(blueprint, '$.databases'), 0) > 0;

ALTER TABLE previews ADD COLUMN last_generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE previews ADD COLUMN taken TEXT;      -- 'fork', 'capture', 'database'
ALTER TABLE previews ADD COLUMN parent TEXT;     -- JSON: what it was taken of
ALTER TABLE previews ADD COLUMN reset TEXT;      -- JSON: the last wish for fresh data
ALTER TABLE previews ADD COLUMN recall TEXT;     -- JSON: the revision that was gone back to
ALTER TABLE previews ADD COLUMN note TEXT;       -- whatever whoever took it wanted to say
ALTER TABLE previews ADD COLUMN expires_at INTEGER;

-- Snapshots that people gave a name; what they are is in the pool.
CREATE TABLE snapshots (
    name       TEXT PRIMARY KEY,
    id         TEXT NOT NULL,
    holds      TEXT NOT NULL CHECK (holds IN ('synthetic', 'masked', 'real')),
    owner      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
