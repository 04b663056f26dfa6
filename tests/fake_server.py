"""A stand-in for somebody's OpenAI-compatible server: counts what it is asked, answers by the prompt alone."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Reply:
    """An HTTP answer. `body`: JSON, text or bytes; `pause`: seconds after each byte."""

    body: Any = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


def chat(content: Any = "[1]", finish_reason: Any = "stop", usage: Any = None, **message: Any) -> dict:
    """An answer of OpenAI's form."""
    message = {"role": "assistant", "content": content, **message}
    return {"choices": [{"message": message, "finish_reason": finish_reason}], "usage": usage}


MODELS = {"data": [{"id": "fake", "owned_by": "tests"}]}


class FakeServer:
    """Listens on 127.0.0.1. `asked`: prompts in order; the n-th answer's reasoning is the text "n".

    `failures`: statuses that come first, one a request. `replies`: answers that come before those of its own;
    `refuses`: gives the reply to a request's body, or None. `tokenize`: answers to /tokenize that come first. `bodies`:
    all requests for completions. `most`: of them that were under way at once.
    """

    def __init__(
        self,
        *,
        seconds: float = 0.0,
        failures: Iterable[int] = (),
        replies: Iterable[Reply] = (),
        refuses: Callable[[dict], Reply | None] = lambda body: None,
        models: Reply | Callable[[str], Reply] = Reply(MODELS),
        tokenizes: bool = False,
        tokenize: Iterable[Reply] = (),
        port: int = 0,
    ) -> None:
        self.asked: list[str] = []
        self.bodies: list[dict] = []
        self.paths: list[str] = []
        self.keys: set[str | None] = set()
        self.most = 0
        self.replies = [*(Reply({"error": {"message": "as told"}}, status) for status in failures), *replies]
        self.tokenize = list(tokenize)
        self._refuses, self._models = refuses, models
        self._seconds, self._tokenizes = seconds, tokenizes
        self._lock, self._counting, self._under_way = threading.Lock(), threading.Lock(), 0
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def encrypt(self, certificate: Path, key: Path) -> None:
        """Speak TLS from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> "FakeServer":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _completion(self, body: dict) -> Reply:
        with self._counting:
            self.bodies.append(body)
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        try:
            if refusal := self._refuses(body):
                return refusal
            with self._counting:
                if self.replies:
                    return self.replies.pop(0)
            return Reply(*reversed(self._answer(body)))
        finally:
            with self._counting:
                self._under_way -= 1

    def _answer(self, body: dict) -> tuple[int, dict]:
        prompt = body["messages"][-1]["content"]
        with self._lock:  # one at a time, so that a client is killed in the middle of its work
            self.asked.append(prompt)
            number = len(self.asked)
            time.sleep(self._seconds)
        passages = prompt.count("\n\n[") + prompt.startswith("[")
        order = sorted(range(1, passages + 1), key=lambda i: sha256(f"{prompt} {i}".encode()).digest())
        content = " > ".join(f"[{i}]" for i in order)
        message = {"role": "assistant", "content": content, "reasoning": str(number)}
        usage = {"prompt_tokens": 10, "completion_tokens": 5}
        return 200, {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}

    def _tokens(self, body: dict) -> Reply:
        """Three characters a token, a token a message."""
        if self.tokenize:
            return self.tokenize.pop(0)
        texts = [body["prompt"]] if "prompt" in body else [message["content"] for message in body["messages"]]
        tokens = sum(-(-len(text) // 3) for text in texts) + len(body.get("messages", []))
        return Reply({"count": tokens}) if self._tokenizes else Reply({}, 404)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.seen()
                self.reply(server._models if isinstance(server._models, Reply) else server._models(self.path))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.seen()
                self.reply((server._tokens if self.path.endswith("/tokenize") else server._completion)(body))

            def seen(self) -> None:
                server.keys.add(self.headers.get("Authorization"))
                server.paths.append(self.path)

            def reply(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.content)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    for byte in reply.content if reply.pause else ():
                        self.wfile.write(bytes([byte]))
                        time.sleep(reply.pause)
                    self.wfile.write(b"" if reply.pause else reply.content)
                except OSError:  # the client has gone
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        return Handler
