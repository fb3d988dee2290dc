-- The token in a link is made of these and of a key that is no record. Those of before open nothing.
ALTER TABLE previews DROP COLUMN link_token;
ALTER TABLE previews ADD COLUMN link_serial INTEGER NOT NULL DEFAULT 0;
ALTER TABLE previews ADD COLUMN link_expires_at INTEGER;
