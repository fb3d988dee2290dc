"""Starts the web server."""

import logging
import os

import waitress

from app.site import application

THREADS = 4

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    port = int(os.environ.get("PORT", "8080"))
    waitress.serve(application, host="0.0.0.0", port=port, threads=THREADS, ident="guestbook")
