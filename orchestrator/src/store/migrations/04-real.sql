-- Whether data are of real people, whatever the snapshot that they came from is called by now.
ALTER TABLE databases ADD COLUMN real INTEGER NOT NULL DEFAULT 0;
