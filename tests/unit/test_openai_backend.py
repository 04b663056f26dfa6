"""Calls to somebody's server: what is retried, what is an error, what stays secret."""

import asyncio
import gzip
import json
import logging
import socket
import subprocess
import threading

import pytest

from rankk.cli import main
from rankk.config.validation import validate_reranker
from rankk.errors import BackendError, RankkError
from rankk.llm import openai_client
from rankk.llm.addresses import check_address, masked
from rankk.llm.journal import read_journal
from rankk.llm.openai_client import OpenAIClient
from rankk.llm.types import CallContext, Completion, Message, Prompt, Sampling

from ..fake_server import MODELS, FakeServer, Reply, chat
from ..synthetic import write

KEY = "sk-not-to-be-seen"
PROMPT = Prompt(messages=(Message("user", "which?"),))
SAMPLING = Sampling(temperature=0.5, max_tokens=100, seed=3, stop=("x",))


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """Failed attempts are made again at once, and a server that is away is waited for only where a test says so."""
    monkeypatch.setattr(openai_client, "FIRST_DELAY", 0.001)
    monkeypatch.setattr(openai_client, "AWAY_DELAY", 0.05)
    monkeypatch.setattr(openai_client, "START_PATIENCE", 0.2)


def complete(server, *, checked=True, sampling=SAMPLING, times=1, **settings):
    """A completion, or a list of several made at once, and the client."""

    async def work():
        client = OpenAIClient(server if isinstance(server, str) else server.url, "fake", **settings)
        try:
            if checked:
                await client.check()
            done = await asyncio.gather(*(client.complete(PROMPT, sampling, CallContext()) for _ in range(times)))
            return done[0] if times == 1 else done, client
        finally:
            await client.close()

    return asyncio.run(work())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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


def test_times_that_a_server_tells_are_in_the_journal(tmp_path):
    metrics = {"queue_time_ms": 250.0, "time_to_first_token_ms": 100.0, "generation_time_ms": 1400.0}
    with FakeServer(replies=[Reply(chat() | {"metrics": metrics})]) as server:
        assert rerank(tmp_path, server.url) == 0
    records = list(read_journal(tmp_path / "o.calls.jsonl"))
    assert sorted((record.waited, record.computed) for record in records if record.waited) == [(0.25, 1.5)]
    assert len(records) == 2, "the other answer tells no times"


def test_a_refused_call_is_an_error_with_the_servers_words_and_is_not_retried(tmp_path, capsys):
    with FakeServer(failures=[400, 400]) as server:
        assert rerank(tmp_path, server.url) == 1
    assert server.asked == []
    assert "the server refuses the call: 400 as told" in capsys.readouterr().err


def test_a_dead_server_is_an_error_in_the_system_s_words(tmp_path, capsys):
    assert rerank(tmp_path, f"http://127.0.0.1:{free_port()}/v1") == 1
    assert "no server answers there (Connection refused)" in capsys.readouterr().err


def test_a_host_without_address_is_an_error_in_the_resolver_s_words():
    with pytest.raises(RankkError, match=r"no server answers there \((Name or service not known|Temporary failure)"):
        complete("http://nowhere.invalid/v1")


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


@pytest.mark.parametrize(
    "key", [f" {KEY}", f"{KEY}\n", f'"{KEY}"', f"'{KEY}'", f"{KEY[:4]} {KEY[4:]}", f"{KEY}\u00e9", "\u201c" + KEY]
)
def test_a_key_with_blanks_quotes_or_line_breaks_is_refused_and_not_shown(tmp_path, monkeypatch, capsys, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with FakeServer() as server:
        assert rerank(tmp_path, server.url) == 1
    said = capsys.readouterr().err
    assert "OPENAI_API_KEY: holds white space" in said
    assert KEY[4:] not in said
    assert server.keys == set()


def test_a_key_that_the_server_repeats_is_not_shown(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    refusal = Reply({"error": {"message": f"Invalid key: {KEY}"}}, 401)
    with FakeServer(models=refusal) as server, pytest.raises(RankkError, match=r"401 Invalid key: \*\*\*$"):
        complete(server)


def test_a_thinking_budget_on_a_server_that_cannot_continue_a_text_is_an_error(tmp_path, capsys):
    with FakeServer() as server:
        assert rerank(tmp_path, server.url, "--thinking-tokens=0") == 1
    assert "cannot continue a given text" in capsys.readouterr().err


FAILURES = [
    Reply({"error": {"message": "busy", "code": 502}}),
    Reply({"choices": None, "error": {"message": "busy", "code": 429}}),
    Reply(chat("[2] > [1", "error")),
    Reply(chat("[2] > [1", "insufficient_system_resource")),
    Reply({"choices": []}),
    Reply('{"choices": ['),
    Reply("bad gateway", 502),
    Reply("<html>bad gateway</html>", 500, {"Content-Type": "text/html"}),
    Reply({"error": {"message": "slow down"}}, 429, {"Retry-After": "0.01"}),
    Reply(gzip.compress(json.dumps(chat()).encode(), mtime=0)[:-9], headers={"Content-Encoding": "gzip"}),
    Reply(b"no gzip", headers={"Content-Encoding": "gzip"}),
    Reply(chat(), headers={"Content-Length": "100000", "Connection": "close"}),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_an_attempt_that_failed_is_made_again_and_is_no_answer(failure):
    with FakeServer(replies=[failure, failure]) as server:
        answer, _ = complete(server)
    assert answer.reasoning == "1"  # the fake server's own answer
    assert len(server.bodies) == 3


def test_attempts_come_to_an_end_with_the_last_reason():
    said = "the call failed 6 times, last with: the answer failed: finish_reason 'abort'"
    with FakeServer(replies=[Reply(chat("", "abort"))] * 99) as server, pytest.raises(RankkError, match=said):
        complete(server)
    assert len(server.bodies) == 6


@pytest.mark.parametrize(
    "reply",
    [
        Reply({"error": {"message": "no such model", "code": 404}}),
        Reply("<html>Sign in</html>"),
        Reply('data: {"choices": []}\n\n', headers={"Content-Type": "text/event-stream"}),
        Reply(chat(7)),
        Reply({"error": {"message": "no"}}, 403),
        Reply("not here", 501),
    ],
)
def test_what_would_come_again_is_asked_once(reply):
    with FakeServer(replies=[reply] * 9) as server, pytest.raises(RankkError):
        complete(server)
    assert len(server.bodies) == 1


FILTERED = [
    Reply({"error": {"message": "stopped", "code": "content_filter"}}, 400),
    Reply({"error": {"message": "m", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}, 400),
    Reply({"error": {"message": "m", "type": "content_policy_violation"}}, 403),
    Reply({"error": {"message": "m", "code": "content_filter"}}),
    Reply(chat(None, "content_filter")),
]


@pytest.mark.parametrize("reply", FILTERED)
def test_a_prompt_that_a_content_filter_stops_is_an_answer(reply):
    with FakeServer(replies=[reply]) as server:
        answer, _ = complete(server)
    assert (answer.text, answer.finish_reason) == ("", "content_filter")


def test_a_filtered_prompt_is_refused_and_the_other_queries_run_is_written(tmp_path):
    with FakeServer(replies=FILTERED[:1]) as server:
        assert rerank(tmp_path, server.url) == 0
    assert json.loads((tmp_path / "o.json").read_text())["calls"]["outcomes"] == {"ok": 1, "refused": 1}


def refusing(**messages):
    """Refuses requests that hold one of these parameters."""

    def refusal(body):
        for name, message in messages.items():
            if name in body:
                return Reply({"error": {"message": message, "code": None, "param": None}}, 400)
        return None

    return refusal


def test_parameters_that_a_model_refuses_are_sent_no_more_and_the_manifest_tells(tmp_path):
    refuses = refusing(
        max_tokens="Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
        temperature="'temperature' does not support 0.0 with this model. Only the default (1) value is supported.",
        seed="Extra inputs are not permitted: body.seed",
    )
    with FakeServer(refuses=refuses) as server:
        assert rerank(tmp_path, server.url) == 0
    assert server.bodies[-1]["max_completion_tokens"] == server.bodies[0]["max_tokens"]
    assert {"temperature", "seed", "max_tokens"}.isdisjoint(server.bodies[-1])
    adapted = {"max_tokens": "max_completion_tokens", "temperature": "not sent", "seed": "not sent"}
    assert json.loads((tmp_path / "o.json").read_text())["parameters_adapted"] == adapted


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens is too large: 100. This model has at most 64 completion tokens",
        "the context is 64 tokens, max_tokens 100 and the prompt are more",
        "temperature: must be at most 0.2",
        "unknown model",
    ],
)
def test_a_value_out_of_range_is_an_error_and_no_parameter_is_dropped(message):
    reply = Reply({"error": {"message": message}}, 400)
    with FakeServer(replies=[reply]) as server, pytest.raises(RankkError, match="the server refuses the call: 400"):
        complete(server)
    assert len(server.bodies) == 1


@pytest.mark.parametrize("models", [{"data": None}, {}, [], "x", {"data": [7]}, ["fake"], {"data": [{"id": "fake"}]}])
def test_a_server_with_an_odd_list_of_models_is_used(models):
    with FakeServer(models=Reply(models if models != "x" else '"x"')) as server:
        assert isinstance(complete(server)[0], Completion)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_a_list_of_models_is_used(status):
    with FakeServer(models=Reply({"detail": "Not Found"}, status)) as server:
        assert isinstance(complete(server)[0], Completion)


def test_a_web_page_in_place_of_the_models_is_an_error_that_shows_it():
    page = Reply("<html><title>Open WebUI</title></html>", headers={"Content-Type": "text/html"})
    with (
        FakeServer(models=page) as server,
        pytest.raises(RankkError, match=r"/v1/models: sends a web page .*Open WebUI"),
    ):
        complete(server)


def test_a_long_list_of_models_is_shortened_to_those_with_similar_names():
    listed = {"data": [{"id": f"other-{number}"} for number in range(5000)] + [{"id": "fake-32b"}]}
    with FakeServer(models=Reply(listed)) as server, pytest.raises(RankkError) as caught:
        complete(server)
    assert "it has: fake-32b, " in str(caught.value)
    assert "(5001 in all)" in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(("told", "context"), [(4096, 4096), ("lots", None), (-5, None), (0, None), (10**30, None)])
def test_a_context_that_cannot_be_one_is_not_told(told, context):
    entry = {"id": "fake", "owned_by": "vllm", "max_model_len": told}
    with FakeServer(models=Reply({"data": [entry]})) as server:
        assert complete(server)[1].context == context


@pytest.mark.parametrize(
    ("owner", "setting", "calls"), [("vllm", None, 256), ("tests", None, 64), ("vllm", 40, 40), ("tests", 100, 100)]
)
def test_calls_in_flight_follow_the_setting_or_the_kind_of_server(owner, setting, calls):
    with FakeServer(models=Reply({"data": [{"id": "fake", "owned_by": owner}]})) as server:
        assert complete(server, in_flight=setting)[1].max_in_flight == calls


def test_calls_in_flight_have_connections_of_their_own():
    with FakeServer(seconds=0.01) as server:
        answers, client = complete(server, in_flight=80, times=80)
    assert len(answers) == 80
    assert server.most > 8
    assert 8 < len(client._pools[-1]._transports) <= 80


ADDRESSES = [
    ("http://127.0.0.1:notaport/v1", "port"),
    ("http://127.0.0.1:180000/v1", "port out of range"),
    ("http://127.0.0.1:0/v1", "port 0"),
    ("http://[::1/v1", "invalid"),
    ("localhost:8000/v1", "does not begin with http"),
    ("ftp://localhost/v1", "does not begin with http"),
    ("", "does not begin with http"),
    ("not a url", "white space"),
    ("http://", "no valid host"),
    ("http:///v1", "no valid host"),
    ("http://a_b..c/v1", "no valid host"),
    ("http://b\u00fccher.example/v1", "not ASCII"),
    ("http://host/v1\n", "white space"),
    ("http://host/v1?key=1", "a query"),
]


@pytest.mark.parametrize(("address", "message"), ADDRESSES)
def test_an_address_that_cannot_be_used_is_named_when_settings_are_read(address, message):
    with pytest.raises(RankkError, match=rf"x.yaml: base_url: .*{message}.*expected http\(s\)://host"):
        validate_reranker({"backend": "openai", "base_url": address}, "x.yaml")


def test_addresses_that_can_be_used_keep_all_but_the_slash_at_their_end():
    for address in (
        "http://localhost:8000/v1/",
        "https://api.example.org/v1",
        "http://[::1]:8000/v1",
        "http://u:p@h/v1",
    ):
        assert check_address(address) == address.rstrip("/")


def test_a_password_in_an_address_is_in_no_message_and_no_manifest(tmp_path, capsys):
    with FakeServer() as server:
        url = server.url.replace("://", "://user:s3cret@")
        assert rerank(tmp_path, url, "--model=other") == 1
        assert rerank(tmp_path, url) == 0
        assert rerank(tmp_path, url.replace("http", "ftp")) == 1
        assert server.keys == {"Basic dXNlcjpzM2NyZXQ="}
    output = "".join(capsys.readouterr())
    assert "***@127.0.0.1" in output
    assert "s3cret" not in output + "".join(path.read_text() for path in tmp_path.iterdir())
    assert masked("see http://u:p@h/v1 and https://x/v1?a@b") == "see http://***@h/v1 and https://x/v1?a@b"


def moved(location, status=308):
    return lambda path: Reply("", status, {"Location": location + path})


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_of_the_same_server_is_followed_once(monkeypatch, status):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    here = moved("/api", status)
    with FakeServer(models=lambda path: Reply(MODELS) if path.startswith("/api") else here(path)) as server:
        assert isinstance(complete(server)[0], Completion)
    assert server.paths == ["/v1/models", "/api/v1/models", "/api/v1/chat/completions"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_key_goes_to_no_other_host_which_is_named(monkeypatch, status):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FakeServer() as other:
        target = other.url.removesuffix("/v1").replace("127.0.0.1", "localhost")
        with (
            FakeServer(models=moved(target, status)) as server,
            pytest.raises(RankkError, match=f"to {target}/v1/models"),
        ):
            complete(server)
    assert other.keys == set()


def test_redirects_in_a_circle_come_to_an_end():
    with FakeServer(models=moved("/api")) as server, pytest.raises(RankkError, match="redirects"):
        complete(server)


def test_a_proxy_of_the_environment_is_used_for_remote_hosts_and_not_for_this_one(monkeypatch):
    with FakeServer() as proxy, FakeServer() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert isinstance(complete(server)[0], Completion)
        assert proxy.paths == []
        assert isinstance(complete("http://llm.example.test/v1")[0], Completion)
        assert proxy.paths == ["http://llm.example.test/v1/models", "http://llm.example.test/v1/chat/completions"]


def test_a_proxy_that_cannot_be_used_is_an_error(monkeypatch):
    monkeypatch.setenv("http_proxy", "nonsense://127.0.0.1:1")
    with pytest.raises(RankkError, match="proxy"):
        complete("http://llm.example.test/v1")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    command += ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_certificates_are_checked_and_those_of_the_environment_are_trusted(monkeypatch, certificate):
    with FakeServer() as server:
        server.encrypt(certificate / "cert.pem", certificate / "key.pem")
        url = server.url.replace("http://127.0.0.1", "https://localhost")
        with pytest.raises(RankkError, match=r"certificate verify failed: self.signed certificate"):
            complete(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
        assert isinstance(complete(url)[0], Completion)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "missing.pem"))
        with pytest.raises(RankkError, match="SSL_CERT_FILE"):
            complete(url)


def test_an_answer_that_drips_is_given_up_at_its_limit_and_asked_for_again(monkeypatch):
    monkeypatch.setattr(openai_client, "TOKEN_SECONDS", 0.0)
    with FakeServer(replies=[Reply(chat(), pause=0.2)]) as server:
        answer, _ = complete(server, attempt_seconds=0.5)
    assert answer.reasoning == "1"
    assert len(server.bodies) == 2


def test_a_server_that_always_drips_is_an_error(monkeypatch):
    monkeypatch.setattr(openai_client, "TOKEN_SECONDS", 0.0)
    dripping = [Reply(chat(), pause=0.2)] * 20
    with FakeServer(replies=dripping) as server, pytest.raises(RankkError, match="no answer within 0 s"):
        complete(server, attempt_seconds=0.1, patience=0)


def test_a_list_of_models_that_drips_is_an_error(monkeypatch):
    monkeypatch.setattr(openai_client, "CHECK_SECONDS", 0.3)
    with (
        FakeServer(models=Reply(MODELS, pause=0.1)) as server,
        pytest.raises(RankkError, match="no whole answer within"),
    ):
        complete(server)


@pytest.mark.parametrize("compressed", [False, True])
def test_an_answer_is_read_only_as_far_as_max_tokens_allow(compressed):
    content = json.dumps(chat("x" * 5_000_000)).encode()
    reply = Reply(gzip.compress(content), headers={"Content-Encoding": "gzip"}) if compressed else Reply(content)
    with FakeServer(replies=[reply] * 9) as server, pytest.raises(RankkError, match="longer than 1,074,176 bytes"):
        complete(server, sampling=Sampling(max_tokens=100))
    assert len(server.bodies) == 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_answer_is_read(encoding):
    import zlib

    content = json.dumps(chat("[7]")).encode()
    packed = gzip.compress(content) if encoding == "gzip" else zlib.compress(content)
    with FakeServer(replies=[Reply(packed, headers={"Content-Encoding": encoding})]) as server:
        assert complete(server)[0].text == "[7]"


def test_a_server_that_loads_its_model_is_waited_for(caplog):
    loading = [Reply("loading", 503)] * 3
    with FakeServer(models=lambda path: loading.pop() if loading else Reply(MODELS)) as server:
        assert isinstance(complete(server)[0], Completion)
    assert [record.levelno for record in caplog.records if "503 loading; waiting for it" in record.message] == [
        logging.WARNING
    ]


def test_a_server_that_is_being_started_is_waited_for():
    port, done = free_port(), threading.Event()

    def start():
        with FakeServer(port=port):
            done.wait(30)

    starting = threading.Timer(0.5, start)
    starting.start()
    try:
        assert isinstance(complete(f"http://127.0.0.1:{port}/v1", patience=30)[0], Completion)
    finally:
        done.set()
        starting.join()


def test_calls_wait_for_a_server_that_is_started_again_and_stop_all_where_it_does_not_come():
    with FakeServer() as first:
        port = int(first.url.rsplit(":", 1)[1].removesuffix("/v1"))

        async def work(again):
            client = OpenAIClient(first.url, "fake", patience=30 if again else 0.2)
            waiting = asyncio.create_task(client.complete(PROMPT, SAMPLING, CallContext()))
            await asyncio.sleep(0.3)
            if again:
                with FakeServer(port=port):
                    return await waiting
            return await waiting

    assert isinstance(asyncio.run(work(again=True)), Completion)
    with pytest.raises(BackendError, match=r"away for .*Connection refused"):
        asyncio.run(work(again=False))


@pytest.mark.parametrize(
    "reply",
    [
        Reply({"error": {"message": "expired", "code": "invalid_api_key"}}, 401),
        Reply({"error": {"message": "no credit"}}, 402),
        Reply({"object": "error", "message": "The model `m` does not exist.", "code": 404}, 404),
        Reply({"error": {"message": "quota", "code": "insufficient_quota"}}, 429),
        Reply({"error": {"message": "quota", "code": "insufficient_quota"}}),
    ],
)
def test_an_error_that_every_call_would_get_ends_them_all_at_once(reply):
    with FakeServer(refuses=lambda body: reply) as server:
        with pytest.raises(BackendError, match="the server refuses all calls: "):
            complete(server)
        assert len(server.bodies) == 1


def test_a_server_that_is_busy_when_the_list_of_models_is_asked_for_is_asked_again():
    answers = iter([Reply("busy", 429), Reply("oops", 500), Reply(MODELS)])
    with FakeServer(models=lambda path: next(answers)) as server:
        assert isinstance(complete(server, patience=5.0)[0], Completion)
