"""A server on this machine that speaks as much of the hub's language as a data set needs."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@contextmanager
def serve_data_set(folder: Path, name: str, commit: str, asked: list[str]) -> Iterator[str]:
    """Serve the files of a folder as those of a data set's commit.

    Args:
        folder: of the data set.
        name: ``OWNER/NAME``.
        commit: 40 hexadecimal digits; there is no other.
        asked: gets the path of each request.

    Yields:
        The address, for ``HF_ENDPOINT``.
    """
    files = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    tree = [
        {
            "type": "file",
            "path": each,
            "size": path.stat().st_size,
            "oid": hashlib.sha1(path.read_bytes()).hexdigest(),
        }
        for each, path in files.items()
    ]

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(with_content=True)

        def do_HEAD(self) -> None:
            self._answer(with_content=False)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

        def _answer(self, *, with_content: bool) -> None:
            asked.append(self.path)
            path = self.path.partition("?")[0]
            file = path.removeprefix(f"/datasets/{name}/resolve/{commit}/")
            if path == f"/api/datasets/{name}/tree/{commit}":
                content, tag = json.dumps(tree).encode(), "tree"
            elif file in files:
                content = files[file].read_bytes()
                tag = hashlib.sha1(content).hexdigest()
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("ETag", f'"{tag}"')
            self.send_header("X-Repo-Commit", commit)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            if with_content:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
