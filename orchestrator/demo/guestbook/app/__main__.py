"""Starts the web server."""

import logging
import os
import signal
import sys

import waitress

from app.site import application

THREADS = 4

if __name__ == "__main__":
    # As the first process of a container, the default would be to ignore it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    port = int(os.environ.get("PORT", "8080"))
    waitress.serve(application, host="0.0.0.0", port=port, threads=THREADS, ident="guestbook")
