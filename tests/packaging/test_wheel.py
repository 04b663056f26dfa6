"""The wheel alone is enough for the command line and the Python API."""

import os
import re
import subprocess
import sys
from importlib.metadata import PathDistribution, distribution
from pathlib import Path

import pytest

from .conftest import git_files

PROGRAM = """
from rankk import compare, evaluate
run = {"q": [("a", 3.0), ("b", 2.0), ("c", 1.0)]}
better = {"q": [("b", 3.0), ("a", 2.0), ("c", 1.0)]}
qrels = {"q": {"b": 1}}
print(evaluate(run, qrels, ["RR"]).means, compare(better, run, qrels, "RR").statistics["difference"])
"""

RERANK = """
import json, pathlib, sys
from rankk import rerank
answer = {"qid": "q", "call": 0, "response": "[2] > [1]"}
pathlib.Path("answers.jsonl").write_text(json.dumps(answer))
result = rerank(
    {"q": [("a", 2.0), ("b", 1.0)]}, {"q": "why"}, {"a": "one", "b": "two"},
    reranker={"backend": "replay", "responses": "answers.jsonl", "strategy": "single", "window": 2, "depth": 2},
)
print(list(result.to_pandas()["docno"]), result.outcomes["ok"], sorted({"torch", "vllm"} & sys.modules.keys()))
"""


@pytest.fixture(scope="module")
def alone(installed, tmp_path_factory) -> Path:
    """The wheel and what it requires, without anything else of this environment."""
    folder = tmp_path_factory.mktemp("alone")
    (metadata,) = installed.glob("*.dist-info")
    todo, seen = [PathDistribution(metadata)], set()
    while todo:
        current = todo.pop()
        for requirement in current.requires or []:
            name = re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")
            if name not in seen and "extra ==" not in requirement:
                seen.add(name)
                try:
                    todo.append(distribution(name))
                except ModuleNotFoundError:
                    assert ";" in requirement, f"{name} is not installed here"
    for name in seen:
        try:
            files = distribution(name).files or []
        except ModuleNotFoundError:
            continue
        for top in {file.parts[0] for file in files if file.parts[0] != ".." and file.parts[0] != "__pycache__"}:
            source = Path(distribution(name).locate_file(top))
            if source.exists() and not (folder / top).exists():
                (folder / top).symlink_to(source)
    for entry in installed.iterdir():
        (folder / entry.name).symlink_to(entry)
    return folder


def python(folder: Path, cwd: Path, *arguments: str) -> str:
    """Output of a Python that sees `folder` and the standard library."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PYTHONNOUSERSITE": "1", "HOME": str(cwd)}
    done = subprocess.run(
        [sys.executable, "-S", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_file_of_the_package_is_in_the_wheel(installed):
    links = [path for path in git_files() if path.startswith("workflow/rankk/data/")]
    assert links == ["workflow/rankk/data/config", "workflow/rankk/data/resources"]
    expected = {path.removeprefix("workflow/") for path in git_files() if path.startswith("workflow/rankk/")}
    expected -= {path.removeprefix("workflow/") for path in links}
    expected |= {f"rankk/data/{path}" for path in git_files() if path.startswith(("config/", "resources/"))}
    files = (path for path in installed.rglob("*") if path.is_file() and path.suffix != ".pyc")
    found = {str(path.relative_to(installed)) for path in files}
    assert {path for path in found if path.startswith("rankk/")} == expected


def test_presets_and_plans_need_no_checkout(alone, tmp_path):
    assert "hltcoe/Rank-K-32B" in python(alone, tmp_path, "-m", "rankk", "presets")
    configs = alone / "rankk" / "data" / "config"
    assert "mini" in python(alone, tmp_path, "-m", "rankk", "plan", str(configs / "config.yaml"))
    (tmp_path / "mine.yaml").write_text(
        "experiment: mine\n"
        "grid: [{collections: [dl19], languages: [eng], retrievers: [bm25], rerankers: [none, rank-k]}]\n"
    )
    assert "rank-k" in python(alone, tmp_path, "-m", "rankk", "plan", "mine.yaml")


def test_the_three_lines_of_python_need_the_declared_dependencies_only(alone, tmp_path):
    assert python(alone, tmp_path, "-c", PROGRAM).split() == ["{'RR':", "0.5}", "0.5"]
    assert python(alone, tmp_path, "-c", RERANK).strip() == "['b', 'a'] 1 []"


def test_every_command_shows_its_help(alone, tmp_path):
    listed = python(alone, tmp_path, "-m", "rankk", "--help")
    commands = re.findall(r"^    (\w+) ", listed, re.MULTILINE)
    assert {"rerank", "evaluate", "compare", "plan", "presets"} <= set(commands)
    for command in commands:
        assert f"rankk {command}" in python(alone, tmp_path, "-m", "rankk", command, "--help")
