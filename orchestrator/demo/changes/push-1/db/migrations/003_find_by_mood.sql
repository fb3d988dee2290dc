-- The hosts want to read what the tired guests wrote.
CREATE INDEX entries_by_mood ON entries (mood);
