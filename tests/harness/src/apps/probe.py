"""Says what it is, and answers questions about the place it runs in."""

import contextlib
import json
import os
import queue
import signal
import socket
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


# A server of the usual size takes a hundred at once.
DATABASES = queue.LifoQueue()
for _ in range(8):
    DATABASES.put(None)


def alive(database):
    """Whether the server at the other end is still the one that it was."""
    try:
        with database, database.cursor() as opened:
            opened.execute("select 1")
        return True
    except Exception:
        database.close()
        return False


@contextlib.contextmanager
def cursor():
    import psycopg2

    database = DATABASES.get()
    try:
        if database is None or not alive(database):
            database = psycopg2.connect(os.environ["DATABASE_URL"])
        with database, database.cursor() as opened:
            yield opened
    finally:
        DATABASES.put(database)


def notes():
    with cursor() as database:
        database.execute("select text from notes order by text")
        return [row[0] for row in database.fetchall()]


def note(text):
    with cursor() as database:
        database.execute("insert into notes values (%s)", (text,))


def reach(host, port):
    """Whether anything takes a connection there within a second and a half."""
    try:
        with socket.create_connection((host, int(port)), timeout=1.5):
            return "open"
    except OSError as error:
        return type(error).__name__


def knock(host, port, seconds):
    """How often anything took a connection there while we tried for so long, and tried hard."""
    end, opened = time.monotonic() + float(seconds), []

    def go_on():
        while time.monotonic() < end:
            # Short: whoever waits longer sends its first packet less often.
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 0.1):
                opened.append(True)

    hands = [threading.Thread(target=go_on) for _ in range(16)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    return str(len(opened))


def ask(method, host, port, head, path):
    """One raw request, and the first line of its answer."""
    try:
        with socket.create_connection((host, int(port)), timeout=1.5) as peer:
            peer.sendall(f"{method} {path} HTTP/1.1\r\nHost: {head}\r\nConnection: close\r\n\r\n".encode())
            return peer.recv(4096).decode(errors="replace").splitlines()[0]
    except (OSError, IndexError) as error:
        return type(error).__name__


def slow(seconds):
    text = read("/app/text")
    time.sleep(float(seconds))
    return text


def resolve(name):
    try:
        return sorted({found[4][0] for found in socket.getaddrinfo(name, None)})
    except OSError:
        return []


def addresses():
    """Our own addresses, by the kernel's own table."""
    with open("/proc/net/fib_trie", encoding="ascii") as table:
        lines = table.read().splitlines()
    found = set()
    for before, line in zip(lines, lines[1:]):
        if "/32 host LOCAL" in line:
            found.add(before.split()[-1])
    return sorted(found)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(url.query))
        answers = {
            "/": lambda: read("/app/text"),
            "/healthz": lambda: "ok",
            "/notes": lambda: json.dumps(notes()),
            "/environment": lambda: json.dumps(dict(os.environ)),
            "/headers": lambda: json.dumps(dict(self.headers.items())),
            "/addresses": lambda: json.dumps(addresses()),
            "/read": lambda: read(asked["path"]),
            "/reach": lambda: reach(asked["host"], asked["port"]),
            "/knock": lambda: knock(asked["host"], asked["port"], asked["seconds"]),
            "/ask": lambda: ask(*[asked[key] for key in ("method", "host", "port", "head", "path")]),
            "/slow": lambda: slow(asked["seconds"]),
            "/resolve": lambda: json.dumps(resolve(asked["name"])),
        }
        found = answers.get(url.path)
        if found is None:
            return self.answer(404, "nothing here")
        print("begin", url.path, flush=True)
        try:
            return self.answer(200, found())
        except Exception as error:  # whatever went wrong is the answer
            return self.answer(500, f"{type(error).__name__}: {error}")

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        try:
            note(text)
            return self.answer(201, "noted")
        except Exception as error:  # whatever went wrong is the answer
            return self.answer(500, f"{type(error).__name__}: {error}")

    def log_message(self, *_):
        print(self.command, self.path, flush=True)


class Server(ThreadingHTTPServer):
    request_queue_size = 128  # as servers of the usual kind; five would be few for a busy machine


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # process 1 hears only what it handles
Server(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
