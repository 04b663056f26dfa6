"""A cell as a folder for TIRA, checked by TIRA's own program."""

import gzip
import json
import subprocess
import sys

import pytest
import yaml

from rankk.cli import main
from rankk.io.passages import build_store
from rankk.io.runs import ranked
from rankk.io.trec import read_run, write_run

QUERIES = {f"q{number}": f"query {number}" for number in range(4)}
SMALL = ["--strategy", "single", "--window", "3", "--depth", "3"]
OPTIONS = ["--team", "someone", "--collection", "small", "--repository", "https://example.org/rankk"]


@pytest.fixture(scope="module")
def cell(tmp_path_factory):
    """A run that was reranked by stored answers, with its manifest."""
    folder = tmp_path_factory.mktemp("cell")
    with build_store(folder / "p.jsonl") as add:
        for docid in "abc":
            add(docid, f"text of {docid}")
    (folder / "q.tsv").write_text("".join(f"{qid}\t{text}\n" for qid, text in QUERIES.items()))
    write_run(folder / "first.trec", {qid: ranked("abc") for qid in QUERIES}, "first", {"actor": {"fields": ["IR"]}})
    answers = [json.dumps({"qid": qid, "call": 0, "response": "[3] > [1] > [2]"}) for qid in QUERIES]
    (folder / "answers.jsonl").write_text("\n".join(answers))
    files = {"run": "first.trec", "queries": "q.tsv", "passages": "p.jsonl", "output": "cell.trec"}
    files |= {"responses": "answers.jsonl"}
    given = [part for name, file in files.items() for part in (f"--{name}", str(folder / file))]
    assert main(["rerank", *given, "--backend", "replay", "--preset", "rank-k", *SMALL]) == 0
    return folder


def test_tiras_checker_takes_a_reranked_cell_and_a_first_stage(cell, tmp_path):
    check_format = pytest.importorskip("tira.check_format")
    for name in ("cell", "first"):
        folder = tmp_path / name
        assert main(["export", str(cell / f"{name}.trec"), "--output", str(folder), *OPTIONS]) == 0
        assert sorted(path.name for path in folder.iterdir()) == ["ir-metadata.yml", "run.txt.gz"]
        for form in ("run-with-metadata", "run.txt", "ir_metadata"):
            status, message = check_format.check_format(folder, form)
            assert status == check_format._fmt.OK, message


def test_the_run_and_what_its_manifest_says_are_exported(cell, tmp_path):
    assert main(["export", str(cell / "cell.trec"), "--output", str(tmp_path / "x"), *OPTIONS]) == 0
    assert read_run(tmp_path / "x" / "run.txt.gz") == read_run(cell / "cell.trec")
    assert gzip.decompress((tmp_path / "x" / "run.txt.gz").read_bytes()).split()[5] == b"cell"
    metadata = yaml.safe_load((tmp_path / "x" / "ir-metadata.yml").read_text())
    assert metadata["actor"] == {"team": "someone"}
    assert metadata["method"]["name"] == "cell"
    assert metadata["method"]["reranking"]["sampling"]["max_tokens"] == 8000
    assert metadata["data"] == {"test collection": {"name": "small"}}
    assert any(library.startswith("rankk ") for library in metadata["platform"]["software"]["libraries"])
    assert main(["export", str(cell / "cell.trec"), "--output", str(tmp_path / "x"), *OPTIONS]) == 0


def test_a_runs_own_metadata_is_kept(cell, tmp_path):
    assert main(["export", str(cell / "first.trec"), "--output", str(tmp_path / "x"), *OPTIONS]) == 0
    metadata = yaml.safe_load((tmp_path / "x" / "ir-metadata.yml").read_text())
    assert metadata["actor"] == {"fields": ["IR"], "team": "someone"}
    assert not (tmp_path / "x" / "run.txt.gz").read_bytes().startswith(b"#")


def test_a_folder_of_something_else_is_refused(cell, tmp_path, capsys):
    (tmp_path / "mine").write_text("")
    assert main(["export", str(cell / "cell.trec"), "--output", str(tmp_path), *OPTIONS]) == 1
    assert "holds something else than an export" in capsys.readouterr().err


def test_a_repository_that_neither_an_option_nor_the_working_directory_names_is_refused(cell, tmp_path):
    command = [sys.executable, "-m", "rankk", "export", str(cell / "cell.trec"), "--output", "new", *OPTIONS[:4]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "--repository" in done.stderr
    assert not (tmp_path / "new").exists()
