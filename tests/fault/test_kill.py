"""A killed job loses no finished call and repeats none."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from rankk.io.trec import read_run
from rankk.llm.journal import read_journal

from ..fake_server import FakeServer
from ..synthetic import write

KILLS = 20
WINDOWS = ["--window=10", "--stride=5"]


def command(inputs, server, output):
    return [
        sys.executable,
        "-m",
        "rankk",
        "rerank",
        *inputs,
        "--backend=openai",
        f"--base-url={server.url}",
        "--model=fake",
        f"--output={output}",
        *WINDOWS,
    ]


@pytest.mark.slow
def test_sigkill_at_random_moments_repeats_no_finished_call_and_changes_no_result(tmp_path):
    inputs = write(tmp_path, queries=48, depth=30)
    moments = random.Random(7)
    output, journal = tmp_path / "killed.trec", tmp_path / "killed.calls.jsonl"
    with FakeServer(seconds=0.02) as server:
        finished: dict[str, int] = {}  # prompts in the journal: how many requests had been made when it was read
        for _ in range(KILLS):
            process = subprocess.Popen(command(inputs, server, output), stderr=subprocess.DEVNULL)
            before = len(server.asked)
            while len(server.asked) == before and process.poll() is None:
                time.sleep(0.01)
            time.sleep(moments.uniform(0, 0.2))
            process.send_signal(signal.SIGKILL)
            process.wait()
            time.sleep(0.1)  # requests already sent are counted now, not after the next start
            for record in read_journal(journal):
                finished.setdefault(server.asked[int(record.reasoning) - 1], len(server.asked))
            assert not output.exists() or read_run(output)
        assert 0 < len(finished) < 48 * 5, "the kills fell before or after the work"
        subprocess.run(command(inputs, server, output), check=True, stderr=subprocess.DEVNULL)
        repeated = [prompt for prompt, count in finished.items() if prompt in server.asked[count:]]
        assert repeated == []
        subprocess.run(command(inputs, server, tmp_path / "calm.trec"), check=True, stderr=subprocess.DEVNULL)
    assert read_run(output) == read_run(tmp_path / "calm.trec")
    assert [path.name for path in tmp_path.glob(".*partial*")] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_job_says_how_to_go_on_and_keeps_its_calls(tmp_path, number):
    inputs = write(tmp_path, queries=8, depth=20)
    with FakeServer(seconds=0.05) as server:
        process = subprocess.Popen(
            command(inputs, server, tmp_path / "o.trec"), stderr=subprocess.PIPE, text=True, env=os.environ
        )
        while len(server.asked) < 3:
            time.sleep(0.01)
        process.send_signal(number)
        error = process.communicate(timeout=20)[1]
    assert process.returncode == 1
    assert "run again to continue" in error
    assert not (tmp_path / "o.trec").exists()
    assert all(json.loads(line)["outcome"] for line in (tmp_path / "o.calls.jsonl").read_text().splitlines())
