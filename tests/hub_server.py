"""A small server that speaks as much of the Hugging Face hub's protocol as pulling a file needs.

``/OWNER/REPO/resolve/REVISION/FILE`` answers like the hub for a file in large storage: a redirect to another
origin (here: another port) that carries the commit, the size and the sha256; the bytes come from there, as
``/cdn/SHA256``, whole or by range.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

Fault = Callable[[BaseHTTPRequestHandler, bytes, int], None]

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class Request:
    """What was asked: the headers are None where the client sent none."""

    method: str
    path: str
    range: str | None
    authorization: str | None


@dataclass
class HubServer:
    """The files it serves by ``OWNER/REPO/FILE``, the faults it shows, and what it was asked.

    After ``cut_after`` bytes the next transfer breaks off; after ``stall_after`` bytes the next one hangs
    until the server ends, and ``stalled`` is set; with ``altered`` the bytes are not those announced. Each
    of ``faults`` answers one transfer in its own way: it gets the handler, the content and the first byte
    that is wanted. ``announced`` are headers to send in place of the right ones.
    """

    url: str = ""
    cdn_url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: int | None = None
    stall_after: int | None = None
    stalled: Event = field(default_factory=Event)
    ended: Event = field(default_factory=Event)
    altered: bool = False
    faults: list["Fault"] = field(default_factory=list)
    announced: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def transfers(self) -> list[Request]:
        return [request for request in self.requests if request.path.startswith("/cdn/")]


@contextmanager
def serve_hub() -> Iterator[HubServer]:
    hub = HubServer()
    with _serve(hub) as hub.url, _serve(hub) as hub.cdn_url:
        try:
            yield hub
        finally:
            hub.ended.set()


@contextmanager
def _serve(hub: HubServer) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(hub))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler_for(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the requests are kept in ``hub.requests``."""

        def _answer(self) -> None:
            headers = self.headers.get("Range"), self.headers.get("Authorization")
            hub.requests.append(Request(self.command, self.path, *headers))
            if self.path.startswith("/cdn/"):
                self._send_bytes(self.path.removeprefix("/cdn/"))
            else:
                self._resolve()

        def _resolve(self) -> None:
            repo, _, rest = self.path.lstrip("/").partition("/resolve/")
            revision, _, name = rest.partition("/")
            content = hub.files.get(f"{repo}/{name}")
            if not any(key.startswith(f"{repo}/") for key in hub.files):
                self._refuse("RepoNotFound")
            elif revision not in ("main", COMMIT):
                self._refuse("RevisionNotFound")
            elif content is None:
                self._refuse("EntryNotFound")
            else:
                sha256 = hashlib.sha256(content).hexdigest()
                self.send_response(302)
                self.send_header("X-Repo-Commit", COMMIT)
                right = {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(len(content))}
                for name, value in (right | hub.announced).items():
                    self.send_header(name, value)
                self.send_header("Location", f"{hub.cdn_url}/cdn/{sha256}")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _refuse(self, code: str) -> None:
            self.send_response(404)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send_bytes(self, sha256: str) -> None:
            content = next(
                content for content in hub.files.values() if hashlib.sha256(content).hexdigest() == sha256
            )
            if hub.altered:
                content = content[:-1] + bytes([content[-1] ^ 1])
            wanted = self.headers.get("Range")
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            if hub.faults:
                hub.faults.pop(0)(self, content, start)
                return
            self.send_response(206 if wanted else 200)
            if wanted:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("ETag", f'"{sha256}"')
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self._send_body(content[start:])

        def _send_body(self, body: bytes) -> None:
            if hub.cut_after is not None:
                cut, hub.cut_after = hub.cut_after, None
                self.wfile.write(body[:cut])
                self.close_connection = True
                return
            if hub.stall_after is not None:
                stall, hub.stall_after = hub.stall_after, None
                self.wfile.write(body[:stall])
                self.wfile.flush()
                hub.stalled.set()
                hub.ended.wait()
                self.close_connection = True
                return
            self.wfile.write(body)

    return Handler
