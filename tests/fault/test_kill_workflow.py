"""A whole Snakemake run that is killed goes on where it was: no finished call again, no other result, no torn file."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
import yaml

from rankk.io.trec import read_run
from rankk.llm.journal import read_journal

from ..conftest import ROOT, mini_collection
from ..fake_server import FakeServer

KILLS = 4
CELL = "results/runs/c/eng/bm25"
SMALL = {"window": 4, "stride": 2, "depth": 10}
CALLS = 40 * 4


def command(folder, server, *options):
    reranker = {"backend": "openai", "base_url": server.url, "model": "fake"} | SMALL
    grid = {"collections": ["c"], "languages": ["eng"], "retrievers": ["bm25"], "rerankers": ["none", "k"]}
    experiment = {
        "experiment": "killed",
        "grid": [grid],
        "collections": {"c": mini_collection()},
        "retrievers": {"bm25": {"type": "bm25", "depth": 20}},
        "rerankers": {"k": reranker},
    }
    folder.mkdir(exist_ok=True)
    (folder / "x.yaml").write_text(yaml.safe_dump(experiment))
    snakemake = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)]
    return [*snakemake, "--cores=2", *options, "--configfile", str(folder / "x.yaml"), "--", f"{CELL}/k.checked.txt"]


@pytest.mark.slow
def test_a_killed_workflow_repeats_no_finished_call_and_gives_the_same_run(tmp_path):
    killed, calm = tmp_path / "killed", tmp_path / "calm"
    moments = random.Random(3)
    with FakeServer(seconds=0.02) as server:
        finished: dict[str, int] = {}  # prompts in the journal: how many requests had been made when it was read
        for number in range(KILLS):
            process = subprocess.Popen(
                command(killed, server), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
            before = len(server.asked)
            while len(server.asked) == before and process.poll() is None:
                time.sleep(0.01)
            time.sleep(moments.uniform(0, 0.4))
            os.killpg(process.pid, signal.SIGKILL if number % 2 else signal.SIGTERM)
            process.wait(60)
            time.sleep(1)  # jobs end by themselves on SIGTERM
            for record in read_journal(killed / CELL / "k.calls.jsonl"):
                finished.setdefault(server.asked[int(record.reasoning) - 1], len(server.asked))
            run = killed / CELL / "k.trec"
            assert not run.exists() or len(read_run(run)) == 40
            subprocess.run(command(killed, server, "--unlock"), check=True, capture_output=True)
        assert 0 < len(finished) < CALLS, "the kills fell before or after the work"
        done = subprocess.run(command(killed, server), check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        repeated = [prompt for prompt, count in finished.items() if prompt in server.asked[count:]]
        assert repeated == []
        subprocess.run(command(calm, server), check=True, capture_output=True)
    assert read_run(killed / CELL / "k.trec") == read_run(calm / CELL / "k.trec")
