"""Used from another Snakefile: as a module of a local checkout, and as snakedeploy writes it."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import yaml

from rankk.io.trec import read_queries, read_run

from ..conftest import MINI

SNAKEFILE = """
configfile: "settings.yaml"

module rankk:
    snakefile: "{snakefile}"
    config: config["reranking"]

use rule * from rankk as rankk_*

onstart:
    rankk.onstart()

onsuccess:
    rankk.onsuccess()

rule summary:
    default_target: True
    input: rules.rankk_all.input
    output: "done.txt"
    shell: "touch {{output}}"
"""

RECORD = """
with open({imports!r}, "a") as file:
    file.write(str(__import__("os").getpid()) + "\\n")
"""

CONFIG = {
    "experiment": "imported",
    "grid": [{"collections": ["mini"], "languages": ["eng"], "retrievers": ["few"], "rerankers": ["none", "stored"]}],
    "retrievers": {"few": {"type": "bm25", "depth": 20}},
    "rerankers": {
        "stored": {
            "backend": "replay",
            "responses": "answers.jsonl",
            "strategy": "single",
            "window": 3,
            "depth": 3,
        }
    },
}


def snakemake(folder, *options, **environment):
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", *options],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment,
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_a_module_of_a_local_checkout_runs_with_its_own_package_and_files(checkout, tmp_path):
    folder, imports, copy = tmp_path / "project", tmp_path / "imports.txt", tmp_path / "rankk"
    shutil.copytree(checkout, copy, symlinks=True)
    with (copy / "workflow" / "rankk" / "__init__.py").open("a") as file:
        file.write(RECORD.format(imports=str(imports)))
    folder.mkdir()
    (folder / "Snakefile").write_text(SNAKEFILE.format(snakefile=copy / "Snakefile"))
    (folder / "settings.yaml").write_text(yaml.safe_dump({"reranking": CONFIG}))
    with (folder / "answers.jsonl").open("w") as file:
        for qid in read_queries(MINI / "queries.eng.tsv"):
            file.write(json.dumps({"qid": qid, "call": 0, "response": "[3] > [1] > [2]"}) + "\n")
    done = snakemake(folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Open results/experiments/imported/index.html\n")
    assert len(set(imports.read_text().split())) > 5, "Snakemake and the jobs import the checkout's package"
    cell = folder / "results" / "runs" / "mini" / "eng" / "few"
    first, reranked = read_run(cell / "none.trec"), read_run(cell / "stored.trec")
    qid = next(iter(first))
    assert [hit.docid for hit in reranked[qid][:3]] == [first[qid][place].docid for place in (2, 0, 1)]
    assert (folder / "results" / "experiments" / "imported" / "summary.csv").is_file()
    assert (folder / "done.txt").is_file()


def test_snakedeploy_writes_a_workflow_that_snakemake_plans(checkout, installed, tmp_path):
    snakedeploy = shutil.which("snakedeploy")
    if snakedeploy is None:
        pytest.skip("snakedeploy is not installed")
    url, git = "https://github.com/example/rankk", ["git", "-c", "user.name=test", "-c", "user.email=test"]
    repository, folder = tmp_path / "repository", tmp_path / "project"
    shutil.copytree(checkout, repository, symlinks=True)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "a release"], ["tag", "v1"]):
        subprocess.run([*git, *command], cwd=repository, check=True)
    folder.mkdir()
    redirect = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": url,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    command = [snakedeploy, "deploy-workflow", url, str(folder), "--tag", "v1"]
    subprocess.run(command, check=True, env=os.environ | redirect)
    assert 'github("example/rankk"' in (folder / "workflow" / "Snakefile").read_text()
    planned = snakemake(folder, "-n", PYTHONPATH=str(installed), **redirect)
    assert planned.returncode == 0, planned.stderr
    assert "rerank " in planned.stdout + planned.stderr
    assert (folder / "config" / "catalog" / "models.yaml").is_file()
