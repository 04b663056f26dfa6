"""Calls to somebody's server: what is retried, what is an error, what stays secret."""

import socket
import time

from rankk.cli import main

from ..fake_server import FakeServer
from ..synthetic import write

KEY = "sk-not-to-be-seen"


def rerank(folder, url, *options):
    inputs = write(folder, queries=2, depth=6)
    return main(
        [
            "rerank",
            *inputs,
            "--backend=openai",
            f"--base-url={url}",
            "--model=fake",
            f"--output={folder / 'o.trec'}",
            "--window=6",
            "--stride=3",
            *options,
        ]
    )


def test_overload_and_server_faults_are_retried(tmp_path):
    with FakeServer(failures=[429, 503]) as server:
        assert rerank(tmp_path, server.url) == 0
    assert len(server.asked) == 2


def test_a_refused_call_is_an_error_with_the_servers_words_and_is_not_retried(tmp_path, capsys):
    with FakeServer(failures=[400, 400]) as server:
        assert rerank(tmp_path, server.url) == 1
    assert server.asked == []
    assert "the server refuses the call: 400 as told" in capsys.readouterr().err


def test_a_dead_server_is_an_error_within_seconds(tmp_path, capsys):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    started = time.monotonic()
    assert rerank(tmp_path, f"http://127.0.0.1:{port}/v1") == 1
    assert time.monotonic() - started < 15
    assert "no server answers there" in capsys.readouterr().err


def test_a_model_that_the_server_lacks_is_named_with_those_it_has(tmp_path, capsys):
    with FakeServer() as server:
        assert rerank(tmp_path, server.url, "--model=other") == 1
    assert "serves no model 'other'; it has: fake" in capsys.readouterr().err


def test_the_key_is_sent_and_stands_in_no_file_and_no_log(tmp_path, monkeypatch, capsys, caplog):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FakeServer() as server:
        assert rerank(tmp_path, server.url) == 0
    assert server.keys == {f"Bearer {KEY}"}
    written = "".join(path.read_text() for path in tmp_path.iterdir())
    assert KEY not in written + "".join(capsys.readouterr()) + caplog.text


def test_a_thinking_budget_on_a_server_that_cannot_continue_a_text_is_an_error(tmp_path, capsys):
    with FakeServer() as server:
        assert rerank(tmp_path, server.url, "--thinking-tokens=0") == 1
    assert "cannot continue a given text" in capsys.readouterr().err
