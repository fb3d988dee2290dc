"""The addresses of the site, and what each of them answers."""

import json
import logging
from urllib.parse import parse_qs

import psycopg2

from app import book, page

BODY_BYTES_MAX = 16 * 1024
AUTHOR_MAX = 80
MESSAGE_MAX = 2000
SECURITY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"

log = logging.getLogger("guestbook")


class Refused(Exception):
    """A request that cannot be served, with the status that says so."""

    def __init__(self, status, words, headers=()):
        super().__init__(words)
        self.status, self.words, self.headers = status, words, list(headers)


def application(environ, start_response):
    """The WSGI entry: finds the answer and sends it."""
    try:
        status, kind, body, headers = answer(environ)
    except Refused as refused:
        status, kind, body, headers = refused.status, "text/plain", refused.words + "\n", refused.headers
    except psycopg2.Error as error:
        log.error("the database failed: %s", str(error).strip())
        status, kind, body, headers = "503 Service Unavailable", "text/plain", "the database does not answer\n", []
    data = body.encode()
    start_response(status, [
        ("Content-Type", f"{kind}; charset=utf-8"),
        ("Content-Length", str(len(data))),
        ("Content-Security-Policy", SECURITY),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "no-store"),
        *headers,
    ])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else data]


def answer(environ):
    """Status, content type, body and further headers for one request."""
    path = environ.get("PATH_INFO", "/")
    routes = {"/": ("GET", index), "/entries": ("POST", sign), "/entries.json": ("GET", listing), "/healthz": ("GET", health)}
    if path not in routes:
        raise Refused("404 Not Found", "there is no such page")
    method, serve = routes[path]
    asked = environ["REQUEST_METHOD"]
    if asked != method and not (asked == "HEAD" and method == "GET"):
        raise Refused("405 Method Not Allowed", f"use {method} here", [("Allow", method)])
    return serve(environ)


def index(_environ):
    return "200 OK", "text/html", page.render(book.entries()), []


def listing(_environ):
    return "200 OK", "application/json", json.dumps(book.entries(), default=lambda value: value.isoformat()), []


def health(_environ):
    book.check()
    return "200 OK", "text/plain", "ok\n", []


def sign(environ):
    fields = form(environ)
    author = text(fields, "author", AUTHOR_MAX)
    message = text(fields, "message", MESSAGE_MAX)
    mood = fields.get("mood", ["happy"])[0]
    if mood not in book.MOODS:
        raise Refused("400 Bad Request", "the field mood is none of " + ", ".join(book.MOODS))
    book.sign(author, message, mood)
    log.info("%s signed the book", ascii(author))
    return "303 See Other", "text/plain", "thank you\n", [("Location", "/")]


def form(environ):
    """The fields of a submitted form, read up to a limit."""
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise Refused("400 Bad Request", "the length of the form is not a number") from None
    if length > BODY_BYTES_MAX:
        raise Refused("413 Content Too Large", f"the form is larger than {BODY_BYTES_MAX} bytes")
    try:
        return parse_qs(environ["wsgi.input"].read(length).decode(), max_num_fields=20)
    except ValueError:
        raise Refused("400 Bad Request", "the form is not UTF-8 text of a few fields") from None


def text(fields, name, longest):
    """One field as text that the database can keep."""
    value = fields.get(name, [""])[0].strip().replace("\0", "")
    if not value:
        raise Refused("400 Bad Request", f"the field {name} is empty")
    if len(value) > longest:
        raise Refused("400 Bad Request", f"the field {name} is longer than {longest} characters")
    return value
