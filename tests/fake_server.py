"""A stand-in for somebody's OpenAI-compatible server: counts what it is asked, answers by the prompt alone."""

import json
import threading
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FakeServer:
    """Listens on 127.0.0.1. `asked`: prompts in order; the n-th answer's reasoning is the text "n"."""

    def __init__(self, *, seconds: float = 0.0, failures: list[int] | None = None, tokenizes: bool = False) -> None:
        self.asked: list[str] = []
        self.statuses = list(failures or [])  # answered first, one a request
        self.keys: set[str | None] = set()
        self._seconds, self._tokenizes = seconds, tokenizes
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> "FakeServer":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, body: dict) -> tuple[int, dict]:
        prompt = body["messages"][-1]["content"]
        with self._lock:  # one at a time, so that a client is killed in the middle of its work
            if self.statuses:
                return self.statuses.pop(0), {"error": {"message": "as told"}}
            self.asked.append(prompt)
            number = len(self.asked)
            time.sleep(self._seconds)
        passages = prompt.count("\n\n[") + prompt.startswith("[")
        order = sorted(range(1, passages + 1), key=lambda i: sha256(f"{prompt} {i}".encode()).digest())
        content = " > ".join(f"[{i}]" for i in order)
        message = {"role": "assistant", "content": content, "reasoning": str(number)}
        usage = {"prompt_tokens": 10, "completion_tokens": 5}
        return 200, {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}

    def _tokenize(self, body: dict) -> tuple[int, dict]:
        """Three characters a token, a token a message."""
        texts = [body["prompt"]] if "prompt" in body else [message["content"] for message in body["messages"]]
        tokens = sum(-(-len(text) // 3) for text in texts) + len(body.get("messages", []))
        return (200, {"count": tokens}) if self._tokenizes else (404, {})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.reply(200, {"data": [{"id": "fake", "owned_by": "tests"}]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.keys.add(self.headers.get("Authorization"))
                self.reply(*(server._tokenize if self.path.endswith("/tokenize") else server._answer)(body))

            def reply(self, status: int, body: dict) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
