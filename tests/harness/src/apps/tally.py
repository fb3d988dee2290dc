"""Says what it is, and keeps notes in a Redis."""

import json
import os
import signal
import socket
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer


def command(peer, *words):
    peer.write(b"*%d\r\n" % len(words))
    for word in words:
        word = word.encode()
        peer.write(b"$%d\r\n%s\r\n" % (len(word), word))
    peer.flush()
    return answer(peer)


def answer(peer):
    line = peer.readline().decode().strip()
    if not line or line.startswith("-"):
        raise ConnectionError(line or "no answer")
    kind, rest = line[0], line[1:]
    if kind == "*":
        return [answer(peer) for _ in range(int(rest))]
    if kind == "$":
        return peer.read(int(rest) + 2)[:-2].decode()
    return rest


def redis(*words):
    url = urllib.parse.urlsplit(os.environ["REDIS_URL"])
    with socket.create_connection((url.hostname, url.port), timeout=10) as opened:
        with opened.makefile("rwb") as peer:
            command(peer, "AUTH", url.password)
            return command(peer, *words)


def text():
    with open("/app/text", encoding="utf-8") as file:
        return file.read()


class Handler(BaseHTTPRequestHandler):
    def answer(self, work):
        try:
            status, body = work()
        except Exception as error:  # whatever went wrong is the answer
            status, body = 500, f"{type(error).__name__}: {error}"
        body = body.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/notes":
            return self.answer(lambda: (200, json.dumps(sorted(redis("LRANGE", "notes", "0", "-1")))))
        if self.path == "/healthz":
            return self.answer(lambda: (200, redis("PING")))
        return self.answer(lambda: (200, text()))

    def do_POST(self):
        note = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        return self.answer(lambda: (201, redis("RPUSH", "notes", note)))

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # process 1 hears only what it handles
HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
