"""A simulated vLLM server: OpenAI's protocol and vLLM's /metrics in front of `engine.Engine`, in scaled time.

    python benchmarks/clients/server.py --port 8199 --scale 32

Events are computed for their simulated time even if the event loop runs late, so that a busy machine delays answers but
does not change the engine's behaviour. The length and order of an answer depend on the query (`query-N` in the prompt)
and on how many different prompts of that query came before, so all clients get the same. POST /reset resets the state;
GET /stats returns counts.
"""

import argparse
import asyncio
import gc
import json
import random
import re
import resource
import time
from collections import Counter
from hashlib import blake2b
from typing import Any

from engine import Call, Engine
from load import speeds

from rankk.plan.simulation import drawn_lengths

CHARACTERS_A_TOKEN = 4.4
QUERY = re.compile(r"query-(\d+)")
IDENTIFIER = re.compile(r"^\[\d+\]", re.MULTILINE)
BLOCK = 16


class Desk:
    """Runs the engine in real time and keeps the state of all calls."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.length = drawn_lengths(options.mean, options.longest)
        self.reset()

    def reset(self) -> None:
        """Reset the state."""
        made = speeds(self.options.gpu, fp8=self.options.fp8)
        self.engine = Engine(made, made.cache_tokens)
        self.origin = time.monotonic()
        self.first: float | None = None
        self.last = 0.0
        self.requests = self.answered = 0
        self.known: dict[bytes, tuple[int, list[int]]] = {}
        self.prompts: Counter[int] = Counter()
        self.cpu = _cpu()
        self.timer: asyncio.TimerHandle | None = None
        gc.collect()

    def advance(self) -> None:
        """Advance the engine to the current time, and schedule the next event."""
        self.engine.advance((time.monotonic() - self.origin) * self.options.scale)
        if self.timer:
            self.timer.cancel()
        wait = self.engine.wait()
        loop = asyncio.get_running_loop()
        self.timer = None if wait is None else loop.call_later(wait / self.options.scale, self.advance)

    def answer(self, text: str) -> tuple[int, list[int]]:
        """Tokens and order of the answer to a prompt."""
        digest = blake2b(text.encode(), digest_size=12).digest()
        if digest not in self.known:
            query = int(found[1]) if (found := QUERY.search(text)) else 0
            order = list(range(1, len(IDENTIFIER.findall(text)) + 1))
            random.Random(f"{query} {self.prompts[query]}").shuffle(order)
            self.known[digest] = round(self.length(query, self.prompts[query])), order
            self.prompts[query] += 1
        return self.known[digest]

    def stats(self) -> dict[str, Any]:
        """Counts since the last reset."""
        self.advance()
        seconds = self.last - (self.first or 0.0)
        return {
            "requests": self.requests,
            "distinct": len(self.known),
            "first_request": self.first,
            "last_answer": self.last,
            "in_flight_mean": self.engine.area / self.options.scale / seconds if seconds > 0 else 0.0,
            "in_flight_most": self.engine.peak,
            "preemptions": self.engine.preemptions,
            "server_cpu": _cpu() - self.cpu,
        }

    def metrics(self) -> bytes:
        """Metrics under the names that vLLM uses."""
        self.advance()
        engine = self.engine
        values = {
            "num_requests_running": engine.inside,
            "num_requests_waiting": len(engine.waiting),
            "kv_cache_usage_perc": min(1.0, engine.context / engine.tokens),
            "num_preemptions_total": engine.preemptions,
            f'cache_config_info{{block_size="{BLOCK}",num_gpu_blocks="{int(engine.tokens / BLOCK)}"}}': 1.0,
        }
        return "".join(f"vllm:{name} {value}\n" for name, value in values.items()).encode()


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, restricted to the requests of OpenAI clients."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.buffer = desk, bytearray()
        self.calls: set[int] = set()
        self.open: dict[int, Call] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """Abort the calls of a client that has disconnected."""
        for call in self.open.values():
            self.desk.engine.abort(call)

    def data_received(self, data: bytes) -> None:
        """Handle the complete requests in the received data."""
        self.buffer += data
        while (head := self.buffer.find(b"\r\n\r\n")) >= 0:
            lines = bytes(self.buffer[:head]).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            end = head + 4 + int(headers.get("content-length", 0))
            if len(self.buffer) < end:
                return
            body = bytes(self.buffer[head + 4 : end])
            del self.buffer[:end]
            self.handle(lines[0].split(" ")[1], body)

    def reply(self, body: Any, status: int = 200) -> None:
        """Send an answer."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        if not self.transport.is_closing():
            self.transport.write(head.encode() + content)

    def handle(self, path: str, body: bytes) -> None:
        """One request."""
        desk, asked = self.desk, json.loads(body) if body else {}
        match path:
            case "/reset":
                desk.reset()
                self.reply({})
            case "/stats":
                self.reply(desk.stats())
            case "/metrics":
                self.reply(desk.metrics())
            case "/v1/models":
                entry = {"object": "model", "owned_by": "vllm", "max_model_len": desk.options.context}
                self.reply({"object": "list", "data": [entry | {"id": name} for name in desk.options.models]})
            case "/tokenize":
                text = asked.get("prompt") or "".join(message["content"] for message in asked["messages"])
                self.reply({"count": tokens(text), "max_model_len": desk.options.context})
            case "/v1/chat/completions" | "/v1/completions":
                self.complete(path, asked)
            case _:
                self.reply({"error": {"message": f"no such path: {path}"}}, 404)

    def complete(self, path: str, asked: dict[str, Any]) -> None:
        """Submit a call to the engine."""
        desk = self.desk
        desk.first = desk.first or time.time()
        chat = path.endswith("chat/completions")
        text = "\n".join(message["content"] for message in asked["messages"]) if chat else asked["prompt"]
        length, order = desk.answer(text)
        desk.requests += 1
        number = desk.requests

        def finish(call: Call) -> None:
            del self.open[number]
            said = "Passages compared. " * 100 + "</think>\n" + " > ".join(f"[{position}]" for position in order)
            part = {"message": {"role": "assistant", "content": said}} if chat else {"text": said}
            usage = {"prompt_tokens": call.prompt, "completion_tokens": call.answer}
            body = {"id": f"cmpl-{number}", "object": "chat.completion", "created": 0, "model": asked.get("model")}
            choices = [{"index": 0, "finish_reason": "stop", "logprobs": None, **part}]
            self.reply(body | {"choices": choices, "usage": usage | {"total_tokens": call.prompt + call.answer}})
            desk.last = time.time()

        call = self.open[number] = Call(tokens(text), length, finish, asked.get("priority") or 0)
        if desk.options.at_once:
            finish(call)
            return
        desk.advance()
        desk.engine.submit(call)
        desk.advance()


def tokens(text: str) -> int:
    """Estimated number of tokens of a text."""
    return max(1, round(len(text) / CHARACTERS_A_TOKEN))


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8199)
    parser.add_argument("--scale", type=float, default=32.0, help="simulated seconds a second")
    parser.add_argument("--gpu", default="h200")
    parser.add_argument("--fp8", action="store_true", help="weights and cache in FP8")
    parser.add_argument("--mean", type=float, default=2400.0, help="tokens of an answer")
    parser.add_argument("--longest", type=int, default=8000)
    parser.add_argument("--context", type=int, default=16384)
    parser.add_argument("--models", nargs="+", default=["hltcoe/Rank-K-32B"])
    parser.add_argument("--at-once", action="store_true", help="no engine: the clients' own cost")
    desk = Desk(parser.parse_args())
    gc.freeze()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(desk), "127.0.0.1", desk.options.port, backlog=4096
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
