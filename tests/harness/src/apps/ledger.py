"""Books every visit twice: in Postgres, and, once that is certain, in Redis."""

import json
import os
import socket
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2

LOCAL = threading.local()


def postgres():
    if getattr(LOCAL, "database", None) is None:
        LOCAL.database = psycopg2.connect(os.environ["DATABASE_URL"])
        LOCAL.database.autocommit = True
    return LOCAL.database.cursor()


def redis(*words):
    """One command of the protocol, and its one line of answer."""
    url = urllib.parse.urlsplit(os.environ["REDIS_URL"])
    if getattr(LOCAL, "redis", None) is None:
        LOCAL.redis = socket.create_connection((url.hostname, url.port), timeout=30).makefile("rwb")
        command("AUTH", url.password)
    return command(*words)


def command(*words):
    peer = LOCAL.redis
    peer.write(b"*%d\r\n" % len(words))
    for word in words:
        peer.write(b"$%d\r\n%s\r\n" % (len(word), word.encode()))
    peer.flush()
    line = peer.readline().decode().strip()
    if not line or line.startswith("-"):
        raise ConnectionError(f"{words[0]}: {line or 'no answer'}")
    if line.startswith("$"):
        return peer.readline().decode().strip() if line != "$-1" else "0"
    return line.lstrip(":+")


def book():
    redis("PING")  # without it every visit would be booked once while Redis is away
    postgres().execute("insert into visits default values")
    return redis("INCR", "visits")


def books():
    cursor = postgres()
    cursor.execute("select count(*) from visits")
    return json.dumps({"postgres": cursor.fetchone()[0], "redis": int(redis("GET", "visits"))})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        answers = {"/healthz": lambda: "ok", "/book": book, "/books": books}
        try:
            status, text = 200, answers[self.path]()
        except Exception as error:  # whatever went wrong is the answer
            status, text = 500, f"{type(error).__name__}: {error}"
            LOCAL.database = LOCAL.redis = None
        body = text.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
