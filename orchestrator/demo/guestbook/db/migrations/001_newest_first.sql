-- The page shows the newest entries first.
CREATE INDEX entries_newest_first ON entries (written_at DESC, id DESC);
