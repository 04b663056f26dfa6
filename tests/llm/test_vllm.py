"""Cells through the real vLLM on the CPU: in process, and in a server that cells share."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from rankk.io.trec import read_queries, read_run
from rankk.llm.addresses import authorization
from rankk.llm.journal import read_journal
from rankk.llm.room import Metrics
from rankk.llm.server import engine_python
from rankk.llm.server_tokens import ServerTokenizer
from rankk.llm.tokenizers import ModelTokenizer
from rankk.llm.types import Message, Prompt
from rankk.provenance import gpus
from rankk.reranking.presets import FOLDER, load_preset
from rankk.reranking.prompts import neutralize, render

from ..synthetic import write
from ..tiny_model import build_model, greedy

pytestmark = [pytest.mark.llm, pytest.mark.slow, pytest.mark.skipif(bool(gpus()), reason="checks the CPU engine")]

TOKENS = 12
SETTINGS = {
    "preset": "listwise",
    "strategy": "sliding",
    "depth": 6,
    "window": 4,
    "stride": 2,
    "max_tokens": TOKENS,
    "engine": {"max_model_len": 1024, "max_num_seqs": 8, "dtype": "float32"},
}
CELL = """
import json, sys
from rankk.config.reranker import Reranker
from rankk.logs import to_stderr
from rankk.reranking.cell import rerank_cell
to_stderr()
folder, model, output, owner, settings = sys.argv[1:]
rerank_cell(Reranker(model=model, **json.loads(settings)), run=f"{folder}/first.trec", queries=f"{folder}/queries.tsv",
            passages=f"{folder}/passages.jsonl", output=f"{folder}/{output}.trec", engine_owner=int(owner) or None)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return build_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def cell(tmp_path_factory, model) -> Path:
    """Folder of a cell that an engine in the job's own process has made."""
    folder = tmp_path_factory.mktemp("cell")
    write(folder, queries=2, depth=6)
    finish(rerank(engine_python(), folder, model, "cell"))
    return folder


@pytest.fixture
def until():
    """Waits until something is so, for as long as a slow machine may take."""

    def wait(true, seconds=300, message="it did not happen in time"):
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, message
            time.sleep(0.1)

    return wait


def rerank(python, folder, model, output, owner=0, unset=(), **changes):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "workflow"), "TMPDIR": str(folder)}
    settings = {key: value for key, value in (SETTINGS | changes).items() if key not in unset and value is not None}
    command = [python, "-c", CELL, str(folder), str(model), output, str(owner), json.dumps(settings)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def finish(process):
    error = process.communicate(timeout=600)[1]
    assert process.returncode == 0, error[-3000:]
    return error


def test_a_cell_in_process_computes_what_transformers_computes(cell, model):
    records = list(read_journal(cell / "cell.calls.jsonl"))
    assert len(records) == 4
    queries = read_queries(cell / "queries.tsv")
    passages = {r["id"]: r["contents"] for r in map(json.loads, (cell / "passages.jsonl").read_text().splitlines())}
    tokenizer = ModelTokenizer(model)
    for record in records:
        texts = [neutralize(passages[docid]) for docid in record.window]
        prompt = render(load_preset("listwise"), queries[record.qid], texts)
        assert record.text == greedy(model, tokenizer.render(prompt), TOKENS)
        assert record.output_tokens == TOKENS
        assert_times_are_told(record)
    assert read_run(cell / "cell.trec").keys() == queries.keys()


def test_cells_share_one_engine_which_ends_with_its_owner_however_that_ends(tmp_path, model, until):
    write(tmp_path, queries=2, depth=6)
    owner = subprocess.Popen(["sleep", "600"])
    jobs = [
        rerank(sys.executable, tmp_path, model, name, owner.pid, thinking_tokens=budget, max_tokens=None)
        for name, budget in (("none", 0), ("some", 5))
    ]
    for job in jobs:
        finish(job)
    registry = list(tmp_path.glob("rankk-*/*.json"))
    assert len(registry) == 1, "one start for both cells"
    assert registry[0].stat().st_mode & 0o077 == 0
    server = json.loads(registry[0].read_text())
    assert httpx.get(f"{server['base_url']}/models").status_code == 401, "the key is wanted"
    assert server["key"] not in registry[0].with_suffix(".log").read_text()

    assert_counts_agree(server, ModelTokenizer(str(model)))
    assert_metrics_are_read(server)

    budgets = json.loads((tmp_path / "some.json").read_text())
    assert budgets["thinking_budget"] == "native"
    assert budgets["calls"]["budget_fired"] == 4, "a random model never closes its thought by itself"
    assert all("</think>" in record.text for record in read_journal(tmp_path / "some.calls.jsonl"))
    for name in ("none", "some"):
        for record in read_journal(tmp_path / f"{name}.calls.jsonl"):
            assert_times_are_told(record)
    none = json.loads((tmp_path / "none.json").read_text())
    assert none["calls"]["budget_fired"] == 0
    assert none["in_flight"] >= 16, "as the server's metrics allow"

    owner.kill()
    owner.wait()
    until(
        lambda: not (registry[0].exists() or _listens(server["base_url"]) or _processes_with(str(model))),
        seconds=20,
        message="the engine, or a process of it, outlived its owner",
    )


def assert_times_are_told(record):
    """Waiting and computing, by the engine's clock, are parts of the time from request to answer."""
    assert record.computed > 0
    assert record.waited + record.computed <= record.seconds + 0.001  # each is rounded


def assert_metrics_are_read(server):
    """The server's own /metrics tell the size of the cache that it was started with, and that no call is left."""
    metrics = Metrics.read(httpx.get(f"{server['base_url'].removesuffix('/v1')}/metrics").text)
    assert (metrics.running, metrics.waiting, metrics.usage, metrics.preemptions) == (0, 0, 0, 0)
    assert metrics.tokens > 1024, "a whole context at least"


def assert_counts_agree(server, tokenizer):
    """The server's own /tokenize counts and cuts as the model's files do."""
    counter = ServerTokenizer(server["base_url"], "engine", {}, authorization(server["key"]))
    text = "Why do geese fly in a V, and why not alone? "
    assert counter.count(text * 9) == tokenizer.count(text * 9)
    assert counter.count(text * 9) - 4 <= tokenizer.count(counter.cut(text * 30, tokenizer.count(text * 9)))
    prompt = Prompt(messages=(Message("user", text),))
    assert counter.prompt_tokens(prompt) == tokenizer.prompt_tokens(prompt)


def test_a_budget_works_in_two_calls_where_the_tags_are_not_tokens(tmp_path, model):
    write(tmp_path, queries=2, depth=6)
    family = yaml.safe_load((FOLDER / "listwise.yaml").read_text())
    preset = tmp_path / "reasons.yaml"
    preset.write_text(yaml.safe_dump(family | {"name": "reasons", "thinking": {"open": "<why>", "close": "</why>"}}))
    finish(rerank(engine_python(), tmp_path, model, "two", preset=str(preset), thinking_tokens=5, max_tokens=None))
    manifest = json.loads((tmp_path / "two.json").read_text())
    assert manifest["thinking_budget"] == "two calls"
    assert manifest["calls"]["budget_fired"] == 4
    assert all("</why>" in record.text for record in read_journal(tmp_path / "two.calls.jsonl"))


def test_a_journal_that_holds_every_answer_starts_no_engine(cell, model):
    first = (cell / "cell.trec").read_bytes()
    for name in ("cell.trec", "cell.json"):
        (cell / name).unlink()
    again = finish(rerank(sys.executable, cell, model, "cell", owner=os.getpid()))
    assert "starting the engine" not in again
    assert (cell / "cell.trec").read_bytes() == first
    assert json.loads((cell / "cell.json").read_text())["calls"]["asked"] == 0


def test_an_engine_that_dies_at_its_start_is_an_error_with_the_end_of_its_log(tmp_path, model):
    write(tmp_path, queries=2, depth=6)
    broken = shutil.copytree(model, tmp_path / "model")
    (broken / "model.safetensors").write_bytes(b"no weights")
    job = rerank(sys.executable, tmp_path, broken, "cell", owner=os.getpid())
    error = job.communicate(timeout=300)[1]
    assert job.returncode != 0
    assert "did not start; its log" in error
    assert not (tmp_path / "cell.trec").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("shared", [True, False])
def test_a_start_of_the_engine_can_be_interrupted(tmp_path, model, number, shared, until):
    write(tmp_path, queries=2, depth=6)
    python, owner = (sys.executable, os.getpid()) if shared else (engine_python(), 0)
    job = rerank(python, tmp_path, model, "cell", owner)
    if shared:
        until(lambda: list(tmp_path.glob("rankk-*/*.json")))
    else:
        until(lambda: "libtorch" in Path(f"/proc/{job.pid}/maps").read_text())  # vLLM is being imported
    job.send_signal(number)
    error = job.communicate(timeout=300)[1]
    assert job.returncode != 0
    assert "interrupted" in error
    until(lambda: not _processes_with(str(model)), seconds=60, message="a process of the engine is left behind")


def _listens(url):
    try:
        httpx.get(url, timeout=1)
    except httpx.HTTPError:
        return False
    return True


def _processes_with(argument):
    found = subprocess.run(["pgrep", "-f", argument], capture_output=True, text=True, check=False)
    return [pid for pid in found.stdout.split() if int(pid) != os.getpid()]
