"""A service that does nothing but say that it is ready and what it was told: `python -m tests.deploy.standin`."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Answers /health/ready, and every other path with the FRIKORT_ variables of the process."""

    def do_GET(self) -> None:
        told = {name: value for name, value in os.environ.items() if name.startswith("FRIKORT_")}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that http.server gives it
        pass


if __name__ == "__main__":
    ThreadingHTTPServer((os.environ["FRIKORT_HOST"], int(os.environ["FRIKORT_PORT"])), Handler).serve_forever()
