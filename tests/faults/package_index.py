"""A small package index on this machine with one wheel in it, whose first transfer stops halfway."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

WHEEL = "tiny-1.0-py3-none-any.whl"


@dataclass
class PackageIndex:
    """``stalled`` is set once half of the wheel is out; that transfer ends when ``go_on`` is set.

    ``transfers`` counts those of the wheel.
    """

    wheel: bytes
    url: str = ""
    transfers: int = 0
    stalled: Event = field(default_factory=Event)
    go_on: Event = field(default_factory=Event)


@contextmanager
def serve_packages(wheel: Path) -> Iterator[PackageIndex]:
    index = PackageIndex(wheel.read_bytes())
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(index))
    server.daemon_threads = True
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        index.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler_for(index: PackageIndex) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.endswith(".whl"):
                self._send_wheel()
            else:
                page = f'<!DOCTYPE html><a href="/{WHEEL}">{WHEEL}</a>'.encode()
                self._begin(len(page), "text/html")
                self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def _begin(self, length: int, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(length))
            self.end_headers()

        def _send_wheel(self) -> None:
            index.transfers += 1
            is_first = index.transfers == 1
            self._begin(len(index.wheel), "application/octet-stream")
            half = len(index.wheel) // 2
            self.wfile.write(index.wheel[:half])
            self.wfile.flush()
            if is_first:
                index.stalled.set()
                index.go_on.wait()
            self.wfile.write(index.wheel[half:])

    return Handler
