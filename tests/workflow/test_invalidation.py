"""What an edit makes run again: every edit of a finished experiment, and the jobs that Snakemake then plans.

The experiment has one collection, BM25, its shuffled run, and three rerankers, of which one asks a server.
"""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
import yaml

from ..conftest import MINI, ROOT
from ..fake_server import FakeServer
from .test_small_grid import write_experiment

PARTS = ["Snakefile", "workflow", "rules", "scripts", "config", "profiles", "envs", "resources"]
PACKAGE = "workflow/rankk"
CELL = "results/runs/c/eng/bm25/stored.trec"
REPORT = {"report": 1}
EVALUATION = {"evaluate": 1} | REPORT
SECRET = "p4ssw0rd"
CELLS = {"rerank": 3, "check_outcomes": 3, "page": 3}
SINGLE = {"strategy": "single", "window": 3, "depth": 3}
ONE_CELL = {"rerank": 1, "check_outcomes": 1, "page": 1}


def snakemake(checkout, *options):
    environment = os.environ | {"PYTHONPATH": str(checkout / "workflow")}
    command = [sys.executable, "-m", "snakemake", *options, "--configfile", "small.yaml", "--cores", "2"]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def planned(checkout, *options):
    """Jobs that would run, by rule, without the target rule."""
    output = snakemake(checkout, "-n", "--quiet", "rules", *options)
    table = re.search(r"^job +count\n-+ +-+\n(.*?)^total", output, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^(\S+) +(\d+)$", table[1], re.MULTILINE) if table else []
    return {name: int(count) for name, count in rows if name != "all"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout of its own with a finished experiment."""
    folder = tmp_path_factory.mktemp("checkout")
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        copy(ROOT / part, folder / part)
    write_experiment(folder)
    config = yaml.safe_load((folder / "small.yaml").read_text())
    config["retrievers"]["mixed"] = {"type": "shuffled", "retriever": "bm25", "depth": 5}
    config["rerankers"]["other"] = config["rerankers"]["stored"] | {"seed": 1}
    config["grid"] = [
        config["grid"][0] | {"rerankers": ["none", "stored", "other", "asked"]},
        config["grid"][0] | {"retrievers": ["mixed"], "rerankers": ["none"]},
    ]
    with FakeServer() as server:
        address = server.url.replace("://", f"://user:{SECRET}@")
        config["rerankers"]["asked"] = {"backend": "openai", "model": "fake", "base_url": address} | SINGLE
        (folder / "small.yaml").write_text(yaml.safe_dump(config))
        snakemake(folder)
    assert planned(folder) == {}
    return folder


@contextmanager
def restored(checkout, *files):
    """Put files back as they were, with their time stamps; remove those that were not there."""
    before = {}
    for name in files:
        path = checkout / name
        before[path] = (path.read_bytes(), path.stat().st_mtime_ns) if path.exists() else None
    try:
        yield
    finally:
        for path, state in before.items():
            if state is None:
                path.unlink()
            else:
                path.write_bytes(state[0])
                os.utime(path, ns=(state[1], state[1]))


def add(name, text):
    """A new file."""
    return lambda checkout: (checkout / name).write_text(text)


def replace(name, old, new):
    """A changed line of a file."""

    def edit(checkout):
        text = (checkout / name).read_text()
        assert old in text, f"{name} holds no {old!r}"
        (checkout / name).write_text(text.replace(old, new, 1))

    return edit


def configure(change):
    """A change of the experiment's configuration."""

    def edit(checkout):
        config = yaml.safe_load((checkout / "small.yaml").read_text())
        change(config)
        (checkout / "small.yaml").write_text(yaml.safe_dump(config))

    return edit


def set_key(*path, value):
    def change(config):
        for key in path[:-1]:
            config = config[key]
        config[path[-1]] = value

    return configure(change)


def new_cell(kind, name, definition):
    def change(config):
        config[kind][name] = definition
        config["grid"].append({**config["grid"][1], kind: [name]})

    return configure(change)


def another_collection(config):
    config["collections"]["d"] = config["collections"]["c"]
    config["grid"].append({**config["grid"][1], "collections": ["d"], "retrievers": ["bm25"]})


def another_language(config):
    config["collections"]["c"]["queries"]["zho"] = str(MINI / "queries.zho.tsv")
    config["grid"].append({**config["grid"][1], "languages": ["zho"], "retrievers": ["bm25"]})


STRATEGY = '''
from rankk.reranking.strategies.base import Strategy


class Untouched(Strategy):
    """Leaves the order as it is."""

    name = "untouched"
'''
RETRIEVER = '''
from rankk.retrievers.base import Retriever


class Nothing(Retriever):
    """Retrieves nothing."""

    name = "nothing"
'''
SOURCE = '''
from rankk.corpora.base import PassageSource


class Void(PassageSource):
    """Holds no passages."""

    name = "void"
'''

FIGURE = '''
from rankk.report.figures.base import Figure


class Blank(Figure):
    """Shows nothing."""

    name = "blank"
'''

EDITS = {
    # what is added and not used
    "a preset": ({}, f"{PACKAGE}/reranking/presets/new.yaml", add, "name: new\n"),
    "a strategy": ({}, f"{PACKAGE}/reranking/strategies/untouched.py", add, STRATEGY),
    "a type of retriever": ({}, f"{PACKAGE}/retrievers/nothing.py", add, RETRIEVER),
    "a corpus source": ({}, f"{PACKAGE}/corpora/void.py", add, SOURCE),
    "an unrelated helper": ({}, f"{PACKAGE}/show.py", replace, "\n\ndef ", "\n\nNEW = 1\n\n\ndef "),
    "a helper beside deciding code": ({}, f"{PACKAGE}/paths.py", replace, "\n\ndef ", "\n\nNEW = 1\n\n\ndef "),
    # what only people read
    "a comment": ({}, f"{PACKAGE}/reranking/engine.py", replace, "\n\nlog = ", "\n\n# A comment.\nlog = "),
    "a docstring": ({}, f"{PACKAGE}/retrievers/bm25.py", replace, '"""BM25 through', '"""Okapi BM25 through'),
    "progress and logs": ({}, f"{PACKAGE}/progress.py", replace, "30.0", "60.0"),
    "a figure": (REPORT, f"{PACKAGE}/report/figures/blank.py", add, FIGURE),
    # code
    "code of a figure": (REPORT, f"{PACKAGE}/report/figures/gains.py", replace, "NAMED = 3", "NAMED = 4"),
    "code of the parser": (
        CELLS | EVALUATION,
        f"{PACKAGE}/reranking/parsers/ranking.py",
        replace,
        "re.IGNORECASE",
        "re.IGNORECASE | re.ASCII",
    ),
    "code of the reranking engine": (
        CELLS | EVALUATION,
        f"{PACKAGE}/reranking/engine.py",
        replace,
        'log = logging.getLogger("rankk")',
        'log = logging.getLogger("rankk.engine")',
    ),
}


def new_cell_of_bm25(kind, name):
    def change(config):
        config[kind][name] = config[kind]["stored"] | {"seed": 7}
        config["grid"][0][kind].append(name)

    return configure(change)


CONFIGURED = {
    "a description": (REPORT, set_key("description", value="reworded")),
    "a collection's description": (REPORT, set_key("collections", "c", "description", value="reworded")),
    "a reranker's title": ({"page": 1} | REPORT, set_key("rerankers", "other", "title", value="Other")),
    "a retriever's title": ({"page": 3} | REPORT, set_key("retrievers", "bm25", "title", value="BM25")),
    "a collection's title": ({"page": 3} | REPORT, set_key("collections", "c", "title", value="Subjects")),
    "a measure": (EVALUATION, set_key("collections", "c", "measures", value=["nDCG@10", "R@100", "P@5"])),
    "a published index": (REPORT, set_key("collections", "c", "prebuilt", value={"x": "msmarco-v1-passage"})),
    "a reranker": (ONE_CELL | EVALUATION, new_cell_of_bm25("rerankers", "third")),
    "a retriever": (
        {"retrieve": 1} | EVALUATION,
        new_cell("retrievers", "deeper", {"type": "bm25", "depth": 30}),
    ),
    "a collection": (
        {"corpus": 1, "queries_d": 1, "qrels": 1, "index": 1, "retrieve": 1} | EVALUATION,
        configure(another_collection),
    ),
    "a language": (
        {"queries_c": 1, "qrels": 1, "retrieve": 1, "page": 3} | EVALUATION,
        configure(another_language),
    ),
    "a temperature": (ONE_CELL | EVALUATION, set_key("rerankers", "other", "temperature", value=0.9)),
    "a strategy's window": (ONE_CELL | EVALUATION, set_key("rerankers", "other", "window", value=2)),
    "k1 of a retriever": (
        {"retrieve": 2} | CELLS | EVALUATION,
        set_key("retrievers", "bm25", "k1", value=1.2),
    ),
    "a seed of the shuffles": ({"retrieve": 1} | EVALUATION, set_key("retrievers", "mixed", "seed", value=1)),
    "a server's address": (REPORT, set_key("rerankers", "asked", "base_url", value="http://elsewhere:8000/v1")),
    "calls in flight": (REPORT, set_key("rerankers", "asked", "in_flight", value=2)),
    "patience with a server": (REPORT, set_key("rerankers", "asked", "patience", value=5.0)),
    "what only tolerates bad answers": (
        {"check_outcomes": 1} | EVALUATION,
        set_key("rerankers", "other", "max_bad_outcomes", value=0.5),
    ),
}


def test_every_edit_runs_what_it_decides(checkout):
    """The whole matrix, so that all that is wrong is seen at once."""
    edits = {name: (jobs, file, make(file, *arguments)) for name, (jobs, file, make, *arguments) in EDITS.items()}
    edits |= {name: (jobs, "small.yaml", edit) for name, (jobs, edit) in CONFIGURED.items()}
    wrong = {}
    for name, (jobs, file, edit) in edits.items():
        with restored(checkout, file):
            edit(checkout)
            if (found := planned(checkout)) != jobs:
                wrong[name] = (found, "instead of", jobs)
    assert wrong == {}


def test_forcing_a_cell_runs_it_alone_or_with_all_that_depends_on_it(checkout):
    assert planned(checkout, "--force", CELL) == {"rerank": 1}
    assert planned(checkout, "--forcerun", CELL) == ONE_CELL | EVALUATION


def test_a_deleted_cell_is_made_again(checkout):
    with restored(checkout, CELL):
        (checkout / CELL).unlink()
        assert planned(checkout) == ONE_CELL | EVALUATION


def test_time_stamps_of_a_fresh_checkout_run_nothing(checkout):
    for part in PARTS:
        for path in (checkout / part).rglob("*.py"):
            path.touch()
    assert planned(checkout) == {}


def test_a_password_in_an_address_is_in_no_file_but_the_configuration(checkout):
    files = [path for path in checkout.rglob("*") if path.is_file() and path.name != "small.yaml"]
    assert any(".snakemake/metadata" in str(path) for path in files)
    assert [str(path) for path in files if SECRET.encode() in path.read_bytes()] == []


def test_the_table_in_the_documentation_is_this_matrix():
    jobs = {name: edit[0] for name, edit in (EDITS | CONFIGURED).items()}
    rows = [
        f"| {name} | {', '.join(f'{rule} × {count}' for rule, count in counts.items()) or 'nothing'} |"
        for name, counts in jobs.items()
    ]
    assert "\n".join(rows) in (ROOT / "docs" / "reruns.md").read_text()
