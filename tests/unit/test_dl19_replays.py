"""Published reranking runs are reproduced exactly from their published answers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rankk.cli import main
from rankk.io.trec import read_run

from ..conftest import DL19

REPLAYS = sorted(path.stem for path in DL19.glob("replays/*.json"))


@pytest.mark.parametrize("name", REPLAYS or ["(no data)"])
def test_a_published_run_is_reproduced_in_all_ranks_of_all_queries(dl19, tmp_path, name):
    settings = json.loads((dl19 / "replays" / f"{name}.json").read_text())
    first_stage = dl19 / "first_stage" / f"{settings['first_stage']}.trec"
    assert rerank(dl19, tmp_path, name, first_stage, settings) == 0
    expected, ours, before = read_run(dl19 / "replays" / f"{name}.expected.trec"), read_run(tmp_path / "o.trec"), {}
    before = read_run(first_stage)
    assert ours.keys() == expected.keys()
    for qid, hits in expected.items():
        order = [hit.docid for hit in ours[qid]]
        assert order[: len(hits)] == [hit.docid for hit in hits]
        assert sorted(order) == sorted(hit.docid for hit in before[qid])


def rerank(dl19: Path, folder: Path, name: str, first_stage: Path, settings: dict) -> int:
    options = [f"--{key}={settings[key]}" for key in ("depth", "window", "stride")]
    responses = dl19 / "replays" / f"{name}.responses.jsonl.gz"
    return main(
        [
            "rerank",
            f"--run={first_stage}",
            f"--queries={dl19 / 'queries.eng.tsv'}",
            "--backend=replay",
            "--parser=digits",
            f"--passages={dl19 / 'passages.jsonl.gz'}",
            f"--responses={responses}",
            f"--output={folder / 'o.trec'}",
            *options,
        ]
    )


def test_a_second_run_asks_nothing_and_gives_the_same_bytes(dl19, tmp_path):
    settings = {"depth": 100, "window": 20, "stride": 10}
    runs = []
    for _ in range(2):
        rerank(dl19, tmp_path, "BM25--00", dl19 / "first_stage" / "BM25.trec", settings)
        runs.append((tmp_path / "o.trec").read_bytes())
    calls = json.loads((tmp_path / "o.json").read_text())["calls"]
    assert runs[0] == runs[1]
    assert (calls["asked"], calls["from_journal"]) == (0, 387)


def test_answers_that_are_missing_fail_the_cell_with_every_query_named(dl19, tmp_path, capsys):
    settings = {"depth": 100, "window": 20, "stride": 5}  # more windows than there are answers
    assert rerank(dl19, tmp_path, "BM25--00", dl19 / "first_stage" / "BM25.trec", settings) == 1
    assert "43 of 43 queries failed (264014, " in capsys.readouterr().err
    assert not (tmp_path / "o.trec").exists()


def test_help_needs_no_heavy_import():
    heavy = "[m for m in ('torch', 'transformers', 'vllm', 'pandas', 'numpy', 'httpx', 'pydantic') if m in sys.modules]"
    code = f"import sys; from rankk.cli import parser; parser(); print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "[]"
