-- Whether data are of real people, whatever the snapshot that they came from is called by now.
ALTER TABLE databases ADD COLUMN real INTEGER NOT NULL DEFAULT 0;
-- Which those of before came from is not known; only databases alone can have had real ones.
UPDATE databases SET real = 1
WHERE preview IN (SELECT id FROM previews WHERE taken = 'database')
  AND EXISTS (SELECT 1 FROM snapshots WHERE holds = 'real');
