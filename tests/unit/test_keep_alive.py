"""A server that sends more than was asked on a connection that stays open: no call gets what is not its answer."""

import asyncio
import json
import re
import socket
import threading
import time

import pytest

from rankk.llm.openai_client import OpenAIClient
from rankk.llm.server_tokens import ServerTokenizer
from rankk.llm.types import CallContext, Message, Prompt, Sampling

from ..fake_server import chat


def framed(body, chunked=False):
    content = json.dumps(body).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    if chunked:
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)
    return head + b"Content-Length: %d\r\n\r\n%s" % (len(content), content)


class EagerServer:
    """Answers each request with its own text, and sends an answer of nobody's behind it in one of several ways."""

    def __init__(self, how):
        self.how, self.connections = how, 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as file:
            try:
                while request := file.readline():
                    length = 0
                    while (line := file.readline()).strip():
                        if match := re.match(rb"content-length: (\d+)", line, re.IGNORECASE):
                            length = int(match[1])
                    self._answer(connection, request, json.loads(file.read(length)))
            except OSError:
                return

    def _answer(self, connection, request, body):
        if b"/tokenize" in request:
            answer, other = {"count": len(body["prompt"])}, {"count": 999}
        else:
            answer, other = chat(body["messages"][0]["content"]), chat("nobody's")
        answer, other = (framed(each, "chunked" in self.how) for each in (answer, other))
        first = {"all": len(other), "part": 40, "later": 0}[self.how.split()[0]]
        connection.sendall(answer + other[:first])
        time.sleep(0.1)
        connection.sendall(other[first:])


WAYS = ["all at once", "all at once, chunked", "part at once", "part at once, chunked", "later"]


@pytest.mark.parametrize("how", WAYS)
def test_a_second_answer_is_never_that_of_the_next_call(how):
    async def asked():
        client = OpenAIClient(server.url, "m")
        answers = []
        for number in range(4):
            prompt = Prompt(messages=(Message("user", f"[{number}]"),))
            answers.append((await client.complete(prompt, Sampling(), CallContext())).text)
            await asyncio.sleep(0.2 if "later" in how else 0)
        await client.close()
        return answers

    with EagerServer(how) as server:
        assert asyncio.run(asked()) == ["[0]", "[1]", "[2]", "[3]"]
        assert server.connections == 4


@pytest.mark.parametrize("how", WAYS[:4])
def test_a_second_count_is_never_that_of_the_next_text(how):
    with EagerServer(how) as server:
        counter = ServerTokenizer.of(OpenAIClient(server.url, "m"), {})
        assert counter is not None
        assert [counter.count(text) for text in ("ab", "abc", "abcd")] == [2, 3, 4]
