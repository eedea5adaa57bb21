"""A service that only reports that it is ready and which settings it has: `python -m tests.deploy.standin`."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Answers /health/ready, and every other path with the FRIKORT_ variables of the process."""

    def do_GET(self) -> None:
        settings = {name: value for name, value in os.environ.items() if name.startswith("FRIKORT_")}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(settings).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the parameter's name in http.server
        pass


if __name__ == "__main__":
    port = int(os.environ["FRIKORT_HEALTH_PORT"])
    ThreadingHTTPServer((os.environ["FRIKORT_HOST"], port), Handler).serve_forever()
