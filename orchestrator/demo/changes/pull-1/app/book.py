"""The book itself: what is in the database."""

import os

import psycopg2
import psycopg2.extras
import psycopg2.pool

SHOWN_MAX = 100
# One for each of the server's threads: a pool keeps no more than its first number open, and a new
# connection for every visit would cost more than the visit.
CONNECTIONS = 4
CONNECTIONS_MAX = 8
MOODS = ("happy", "calm", "tired")
# A statement that takes longer is a fault, and a visitor should be told so.
OPTIONS = "-c statement_timeout=5000"

_pool = None


def _connections():
    global _pool
    if _pool is None:
        _pool = psycopg2.pool.ThreadedConnectionPool(
            CONNECTIONS, CONNECTIONS_MAX, os.environ["DATABASE_URL"], connect_timeout=3, options=OPTIONS
        )
    return _pool


def _run(statement, arguments=()):
    """Runs one statement in a transaction of its own and returns its rows as dictionaries."""
    pool = _connections()
    connection = pool.getconn()
    broken = True
    try:
        with connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(statement, arguments)
            rows = [dict(row) for row in cursor.fetchall()] if cursor.description else []
        broken = False
        return rows
    finally:
        # A connection that failed may be one that the server closed; the next visitor gets a new one.
        pool.putconn(connection, close=broken)


def check():
    """Fails unless the database answers and has the table of entries."""
    _run("SELECT 1 FROM entries LIMIT 1")


def entries():
    """The newest entries, newest first."""
    return _run("SELECT * FROM entries ORDER BY written_at DESC, id DESC LIMIT %s", (SHOWN_MAX,))


def sign(author, message, mood):
    """Adds an entry."""
    _run("INSERT INTO entries (author, message, mood) VALUES (%s, %s, %s)", (author, message, mood))
