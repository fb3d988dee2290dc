-- What images were built from, by service, so that what did not change is not built again. JSON.
ALTER TABLE revisions ADD COLUMN fingerprints TEXT NOT NULL DEFAULT '{}';

-- Records of the builder's cache that appeared during builds of ours. All others are somebody
-- else's and are never removed.
CREATE TABLE cache_records (
    id      TEXT PRIMARY KEY,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
