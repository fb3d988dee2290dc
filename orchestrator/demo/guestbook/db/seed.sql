-- The book as it was when main was last deployed: what every preview starts with.
CREATE TABLE entries (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    author     text NOT NULL CHECK (author <> ''),
    message    text NOT NULL CHECK (message <> ''),
    written_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO entries (author, message, written_at) VALUES
    ('Ada',    'The first to sign. The engine in the corner hums nicely.', '2026-05-01 09:00:00+00'),
    ('Grace',  'Found a moth in the guest room. Taped it into the book.',  '2026-05-02 14:30:00+00'),
    ('Edsger', 'A short visit, and a simple one.',                         '2026-05-03 18:45:00+00');
