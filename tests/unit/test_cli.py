"""Options of `rankk rerank` are the settings of its classes."""

import argparse
import json
import re
import subprocess
import sys

import pytest

from rankk.cli import main, parser
from rankk.config.reranker import Reranker
from rankk.config.validation import validate_reranker
from rankk.io.trec import read_run
from rankk.llm.backends import BACKENDS
from rankk.options import OF_WORKFLOW, given_settings
from rankk.reranking.strategies.base import STRATEGIES
from rankk.reranking.strategies.single import Single

from ..fake_server import FakeServer
from ..synthetic import write

FILES = ["--run=r", "--queries=q", "--passages=p", "--output=o"]


def settings(*options):
    """A reranker as the command line makes it."""
    given = parser().parse_args(["rerank", *FILES, *options])
    return validate_reranker(given_settings(given), "rankk rerank")


def test_every_setting_of_every_strategy_and_backend_has_its_option():
    given = parser().parse_args(["rerank", *FILES])
    components = [*STRATEGIES.all().values(), *BACKENDS.all().values()]
    expected = {key for component in (Reranker, *components) for key in component.model_fields}
    assert set(given.settings) == expected - OF_WORKFLOW
    assert all(getattr(given, name) is None for name in given.settings)


def test_nothing_given_is_what_an_empty_entry_of_a_configuration_is():
    assert settings() == validate_reranker({}, "test")


@pytest.mark.parametrize(
    ("options", "entry"),
    [
        (["--window=8", "--stride", "4", "--depth=40"], {"window": 8, "stride": 4, "depth": 40}),
        (["--temperature=0.5", "--thinking-tokens=0", "--preset=qwq"], TEMPERATE := {"temperature": 0.5}),
        (["--samples=2", "--shuffle"], {"samples": 2, "shuffle": True}),
        (["--strategy=topdown", "--top-k=5"], {"strategy": "topdown", "top_k": 5}),
        (["--fusion=rrf"], {"fusion": "rrf"}),
        (["--fusion={type: weighted, weights: [0.3, 0.7]}"], {"fusion": {"type": "weighted", "weights": [0.3, 0.7]}}),
        (["--engine={max_model_len: 8192}"], {"engine": {"max_model_len": 8192}}),
        (["--backend=openai", "--base-url=http://h/v1"], {"backend": "openai", "base_url": "http://h/v1"}),
        (["--parser=digits", "--max-bad-outcomes=0.1"], {"parser": "digits", "max_bad_outcomes": 0.1}),
    ],
)
def test_an_option_is_read_as_the_entry_of_a_configuration_is(options, entry):
    if entry is TEMPERATE:
        entry = entry | {"thinking_tokens": 0, "preset": "qwq"}
    assert settings(*options) == validate_reranker(entry, "test")


@pytest.mark.parametrize("strategy", ["single", "topdown", "setwise"])
def test_a_command_can_be_repeated_with_another_strategy(strategy, caplog):
    given = settings("--window=20", "--stride=2", "--depth=40", f"--strategy={strategy}")
    assert given == validate_reranker({"window": 20, "depth": 40, "strategy": strategy}, "test")
    assert f"--stride has no effect: strategy {strategy} has no such setting" in caplog.text


def test_a_strategy_that_a_plugin_adds_brings_its_options():
    class Plugged(Single):
        name = "plugged"
        plugged_setting: int = 3

    assert settings("--strategy=plugged", "--plugged-setting=7").strategy == Plugged(plugged_setting=7)
    Plugged.name = ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--strategy=slide"], "expected one of acurank, "),
        (
            ["--backend=local"],
            "invalid choice: 'local' (choose from 'cross-encoder', 'late-interaction', 'lit5', 'openai', ",
        ),
        (["--window=many"], "argument --window: invalid int value: 'many'"),
        (["--engine={a"], "argument --engine: not YAML"),
        (["--window=1"], "window"),
        (["--backend=replay"], "responses"),
        (["--backend=replay", "--responses=r", "--base-url=http://h/v1"], "base_url: is a setting of backend openai"),
    ],
)
def test_a_wrong_option_is_named_without_a_traceback(options, message, tmp_path):
    command = [sys.executable, "-m", "rankk", "rerank", *write(tmp_path, queries=1, depth=4), *options]
    done = subprocess.run([*command, f"--output={tmp_path / 'o'}"], capture_output=True, text=True, check=False)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_documented_call_works_as_typed(tmp_path, capsys):
    inputs = write(tmp_path, queries=2, depth=30)
    common = ["--strategy", "sliding", "--window", "20", "--stride", "10", "--depth", "30"]
    with FakeServer() as server:
        openai = ["--preset", "rank-k", "--model", "fake", "--backend", "openai", "--base-url", server.url]
        journal, output = str(tmp_path / "j.jsonl"), str(tmp_path / "a.trec")
        assert main(["rerank", *inputs, *openai, *common, "--journal", journal, "--output", output]) == 0
    assert (tmp_path / "j.jsonl").read_bytes().count(b"\n") == 4
    with (tmp_path / "r{1}.jsonl").open("w") as file:  # a path is no template on the command line
        for qid, call in ((qid, call) for qid in ("q0", "q1") for call in (0, 1)):
            file.write(json.dumps({"qid": qid, "call": call, "response": "[2] > [1]"}) + "\n")
    replay = ["--backend", "replay", "--responses", str(tmp_path / "r{1}.jsonl"), "--parser", "ranking"]
    assert main(["rerank", *inputs, *replay, *common, "--output", str(tmp_path / "b.trec")]) == 0
    assert [hit.docid for hit in read_run(tmp_path / "b.trec")["q0"]][:3] == ["d1", "d0", "d2"]


def test_calls_shows_windows_reasoning_answers_and_costs_of_one_query_or_all(tmp_path, capsys):
    inputs = write(tmp_path, queries=2, depth=4)
    with FakeServer() as server:
        backend = ["--backend=openai", f"--base-url={server.url}", "--model=fake", "--window=4", "--depth=4"]
        assert main(["rerank", *inputs, *backend, f"--output={tmp_path / 'o.trec'}"]) == 0
    journal = str(tmp_path / "o.calls.jsonl")
    capsys.readouterr()
    assert main(["calls", journal, "--query=q1"]) == 0
    shown = capsys.readouterr().out
    assert re.match(r"── query q1, call 0, sample 0: ok, stop, 10 \+ 5 tokens, [0-9.]+ s\n", shown)
    assert "\nwindow: [1] d1 [2] d2 [3] d3 [4] d0\n" in shown
    assert re.search(r"\nreasoning: [12]\nanswer: (\[\d\] > ){3}\[\d\]\n", shown)
    assert "query q0" not in shown
    assert main(["calls", journal]) == 0
    assert capsys.readouterr().out.count("── query ") == 2
    assert main(["calls", journal, "--query=q7"]) == 1
    assert capsys.readouterr().err.strip() == f"rankk: {journal}: no calls of query 'q7'"


def test_help_shows_descriptions_and_defaults_of_the_settings(capsys):
    with pytest.raises(SystemExit):
        main(["rerank", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "passages of the first stage that are reranked (default 100)" in text
    for component in (*STRATEGIES.all().values(), *BACKENDS.all().values()):
        assert component.name in text
    assert isinstance(parser(), argparse.ArgumentParser)
