"""A hub on 127.0.0.1 with one model and one dataset, for what a hub may answer."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Serves `files` as model and dataset owner/tiny; `gated`: files are refused; `damaged`: they come wrong."""

    def __init__(self, files, *, gated=False, damaged=False):
        self.files, self.gated, self.damaged, self.sent = files, gated, damaged, []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in ({"Content-Length": len(body)} | headers).items():
                    self.send_header(name.replace("_", "-"), str(value))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def do_GET(self):
                path = self.path.split("?")[0]
                if path.endswith("/auth-check") and hub.gated:
                    return self.answer(403, X_Error_Code="GatedRepo")
                if path.startswith("/api/models/") and not path.startswith("/api/models/owner/tiny"):
                    return self.answer(404, X_Error_Code="RepoNotFound")
                if path.startswith("/api/models/"):
                    listed = [
                        {"rfilename": name, "size": len(data), "type": "file", "path": name, "oid": "0" * 40}
                        for name, data in hub.files.items()
                    ]
                    facts = {"id": "owner/tiny", "sha": COMMIT, "gated": "manual" if hub.gated else False}
                    found = listed if "/tree/" in path else facts | {"siblings": listed}
                    return self.answer(200, json.dumps(found).encode(), Content_Type="application/json")
                name = re.sub(f"^(/datasets)?/owner/tiny/resolve/({COMMIT}|main)/", "", path)
                if name not in hub.files:
                    return self.answer(404, X_Error_Code="RepoNotFound")
                if hub.gated:
                    return self.answer(403, X_Error_Code="GatedRepo")
                data = hub.files[name]
                etag = f'"{hashlib.sha256(data).hexdigest()}"'
                if self.command == "GET":
                    hub.sent.append(name)
                sent = b"?" + data[1:] if hub.damaged else data
                return self.answer(200, sent, ETag=etag, X_Repo_Commit=COMMIT)

            do_HEAD = do_GET

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
