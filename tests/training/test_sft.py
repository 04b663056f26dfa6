"""A fit on the CPU with a model of random weights: it learns, goes on after SIGTERM, and becomes a whole model."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from datasets import load_from_disk
from transformers import AutoModelForCausalLM

from rankk.config.reranker import Reranker
from rankk.errors import RankkError
from rankk.fetching.models import merge
from rankk.training.tokens import write_tokens

from ..conftest import ROOT
from ..tiny_model import build_model

pytestmark = pytest.mark.slow

RERANKER = Reranker(preset="listwise", model="m", passage_tokens=20)
FIT = {
    "lora_rank": 4,
    "lora_alpha": 8,
    "learning_rate": 0.02,
    "batch": 4,
    "micro_batch": 2,
    "evaluations": 2,
}
CODE = """
import json, sys
from rankk.config.training import Fit
from rankk.training.sft import fine_tune
tokens, base, fit, folder = sys.argv[1:]
fine_tune(tokens, base, Fit(**json.loads(fit)), folder)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return build_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def tokens(tmp_path, model):
    """Twelve windows of three passages with the same answer, four of them for development."""
    with gzip.open(tmp_path / "examples.jsonl.gz", "wt") as file:
        for number in range(12):
            passages = [{"id": f"{number}/d{n}", "rank": n + 1, "grade": 0} for n in range(3)]
            record = {"id": f"w{number}", "split": "train" if number < 8 else "development", "query": f"q{number}"}
            file.write(json.dumps(record | {"passages": passages, "answer": "[2] > [3] > [1]"}) + "\n")
    with gzip.open(tmp_path / "passages.jsonl.gz", "wt") as file:
        for number in range(12):
            for n in range(3):
                file.write(json.dumps({"id": f"{number}/d{n}", "contents": f"text {number} {n}"}) + "\n")
    write(tmp_path, model)
    return tmp_path / "tokens"


def write(folder, model, **changes):
    files = (folder / name for name in ("examples.jsonl.gz", "passages.jsonl.gz"))
    settings = {"max_length": 4096} | changes
    write_tokens(*files, str(model), RERANKER, folder / "tokens", folder / "tokens.json", **settings)


def start(tokens, model, folder, **changes):
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow"), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    arguments = [str(tokens), str(model), json.dumps(FIT | changes), str(folder)]
    command = [sys.executable, "-c", CODE, *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def finish(process):
    error = process.communicate(timeout=300)[1]
    assert process.returncode == 0, error[-3000:]


def losses(folder, column):
    with (folder / "training.csv").open() as file:
        return [float(row[column]) for row in csv.DictReader(file) if row[column]]


def right_first_places(model, examples):
    """Share of examples whose answer's first place, here "[2]", a model's likeliest tokens spell."""
    network, rows = AutoModelForCausalLM.from_pretrained(model), load_from_disk(str(examples))
    right = 0
    for row in rows:
        begin, end = row["first"]
        with torch.no_grad():
            likeliest = network(torch.tensor([row["input_ids"]])).logits[0].argmax(-1)
        right += likeliest[begin - 1 : end - 1].tolist() == row["input_ids"][begin:end]
    return right / len(rows)


def test_a_fit_lowers_the_loss_and_its_adapter_merges_into_a_whole_model(tokens, model, tmp_path):
    finish(start(tokens, model, tmp_path / "adapter", epochs=20.0))
    learnt, development = losses(tmp_path / "adapter", "loss"), losses(tmp_path / "adapter", "development_loss")
    assert learnt[-1] < learnt[0]
    assert len(development) >= 2
    first = losses(tmp_path / "adapter", "first_place_accuracy")
    assert first[0] < first[-1] == 1.0
    facts = json.loads((tmp_path / "tokens.json").read_text())
    assert (facts["train"], facts["development"], facts["left out: too long"]) == (8, 4, 0)
    merge(model, tmp_path / "adapter", tmp_path / "whole")
    told = losses(tmp_path / "adapter", "development_first_place_accuracy")[-1]
    assert told == pytest.approx(right_first_places(tmp_path / "whole", tokens / "development"))
    base, whole = (AutoModelForCausalLM.from_pretrained(path).state_dict() for path in (model, tmp_path / "whole"))
    assert base.keys() == whole.keys()
    changed = [name for name in base if not torch.equal(base[name], whole[name])]
    assert changed
    assert all("proj" in name for name in changed)


def test_whole_weights_are_moved_where_no_adapter_is_wanted(tokens, model, tmp_path):
    finish(start(tokens, model, tmp_path / "weights", lora_rank=None, epochs=1.0))
    merge(model, tmp_path / "weights", tmp_path / "whole")
    assert (tmp_path / "whole" / "model.safetensors").exists()
    assert (tmp_path / "whole" / "tokenizer.json").exists()


def test_sigterm_leaves_a_checkpoint_and_the_next_try_goes_on_from_it(tokens, model, tmp_path):
    job = start(tokens, model, tmp_path / "adapter", epochs=2000.0, checkpoint_minutes=0.01)
    checkpoints = tmp_path / "adapter.checkpoints"
    deadline = time.monotonic() + 200
    while not list(checkpoints.glob("checkpoint-*/trainer_state.json")):
        assert time.monotonic() < deadline
        assert job.poll() is None
        time.sleep(0.2)
    job.send_signal(signal.SIGTERM)
    error = job.communicate(timeout=120)[1]
    assert job.returncode != 0
    assert "interrupted at step" in error
    assert not (tmp_path / "adapter").exists()
    reached = max(int(path.name.rpartition("-")[2]) for path in checkpoints.glob("checkpoint-*"))
    again = start(tokens, model, tmp_path / "adapter", epochs=(reached + 5) / 2)
    finish(again)
    with (tmp_path / "adapter" / "training.csv").open() as file:
        assert max(int(row["step"]) for row in csv.DictReader(file)) == reached + 5


def test_examples_longer_than_the_limit_are_counted_and_left(tokens, model, tmp_path):
    with pytest.raises(RankkError, match=r"no example of at most 10 tokens.*'left out: too long': 12"):
        write(tmp_path, model, max_length=10)
