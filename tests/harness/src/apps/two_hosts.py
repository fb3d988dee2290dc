"""As `web` a page; as `api` what that page calls from its own host."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, os.environ["ROLE"])

    def do_PUT(self):
        taken = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        self.answer(200, f"{os.environ['ROLE']} took {taken}")

    def do_OPTIONS(self):
        self.answer(204, "")

    def answer(self, status, text):
        self.send_response(status)
        if origin := self.headers.get("origin"):
            self.send_header("access-control-allow-origin", origin)
            self.send_header("access-control-allow-methods", "PUT")
            self.send_header("vary", "Origin")
        if status != 204:
            self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
