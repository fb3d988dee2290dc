"""Brings the database to the newest version. Run again, it does nothing.

Each file of db/migrations runs once, in the order of the names, in a transaction together with
the line that remembers it. Two runs at the same time wait for each other.
"""

import os
import pathlib
import sys

import psycopg2

MIGRATIONS = pathlib.Path(__file__).parent / "db" / "migrations"
LOCK = 7_201_905  # any number, as long as every run takes the same


def main():
    connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=10)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS schema_migrations ("
                " version text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
            )
        applied = [path.name for path in sorted(MIGRATIONS.glob("*.sql")) if apply(connection, path)]
    finally:
        connection.close()
    print(f"{len(applied)} migration(s) applied" if applied else "nothing to migrate")


def apply(connection, path):
    """Runs one migration unless it ran before; says whether it ran now."""
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM schema_migrations WHERE version = %s", (path.stem,))
        if cursor.fetchone():
            return False
        try:
            cursor.execute(path.read_text(encoding="utf-8"))
        except psycopg2.Error as error:
            sys.exit(f"migration {path.name} failed: {error}")
        cursor.execute("INSERT INTO schema_migrations (version) VALUES (%s)", (path.stem,))
    print(f"applied {path.name}")
    return True


if __name__ == "__main__":
    main()
