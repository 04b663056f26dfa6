"""A cell's results never replace an input, a device or another run's files; what cannot be written is told at once."""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from rankk import paths
from rankk.cli import main
from rankk.io.trec import read_run
from rankk.reranking import outputs
from rankk.reranking.outputs import RunFiles

from ..fake_server import FakeServer
from ..synthetic import write


@pytest.fixture(scope="module")
def server():
    with FakeServer() as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    """A folder with the inputs of a cell."""
    return tmp_path


@pytest.fixture
def cell(folder, server, capsys):
    """Runs `rankk rerank` on files of the folder; gives exit code and last line of standard error, without the folder.

    Options name files relative to the folder.
    """
    inputs = write(folder, queries=2, depth=4)

    def located(option):
        name, _, value = option.partition("=")
        file = name in FILES or value.endswith(".yaml")
        return f"{name}={folder}/{value}" if file and value not in ("", ".", "..") and value[0] != "/" else option

    def run(*options):
        given = {option.split("=")[0] for option in options}
        known = [option for option in inputs if option.split("=")[0] not in given]
        backend = [] if "--backend" in given else ["--backend=openai", f"--base-url={server.url}", "--model=fake"]
        code = main(["rerank", *known, *backend, *SHORT, *map(located, options)])
        return code, capsys.readouterr().err.strip().splitlines()[-1].replace(f"{folder}/", "")

    return run


FILES = {f"--{name}" for name in ("run", "queries", "passages", "output", "journal", "responses")}


PRESETS = Path(outputs.__file__).parent / "presets"
SHORT = ["--window=4", "--stride=2", "--depth=4"]


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def refused(cell, folder, server):
    """Gives the message of a command that must change no file and ask nothing."""

    def message(*options):
        before, asked = contents(folder), len(server.asked)
        code, told = cell(*options)
        assert code == 1, told
        assert told.startswith("rankk: ")
        assert (contents(folder), len(server.asked)) == (before, asked)
        return told

    return message


@pytest.mark.parametrize("option", ["--run=", "--queries=", "--passages=", "--queries=.", "--passages=missing"])
def test_an_input_that_is_no_file_is_one_line(option, refused):
    assert re.fullmatch(r"rankk: .*: (is a folder, expected a file|no such file)", refused("--output=o", option))


@pytest.mark.parametrize("name", ["first.trec", "queries.tsv", "passages.jsonl", "./sub/../first.trec"])
def test_an_output_that_is_an_input_is_refused(name, refused, folder):
    (folder / "sub").mkdir()
    assert "would replace the" in refused(f"--output={name}")


def test_a_manifest_that_would_replace_the_passages_is_refused(refused, folder):
    (folder / "passages.jsonl").rename(folder / "p.json")
    assert refused("--passages=p.json", "--output=p.trec") == (
        "rankk: p.json: this manifest would replace the passages (p.json); choose another --output"
    )


def test_links_to_inputs_are_refused(refused, folder):
    (folder / "soft.trec").symlink_to("first.trec")
    (folder / "hard.trec").hardlink_to(folder / "queries.tsv")
    assert "would replace the run (" in refused("--output=soft.trec")
    assert "would replace the queries (" in refused("--output=hard.trec")


def test_a_journal_that_is_an_input_or_another_result_is_refused(refused):
    assert "this journal would replace the queries" in refused("--output=o.trec", "--journal=queries.tsv")
    told = refused("--output=o.trec", "--journal=o.json")
    assert "o.json: the journal would be the same file as another result" in told


def test_stored_answers_and_a_preset_of_ones_own_are_inputs_too(refused, folder):
    (folder / "o.calls.jsonl").write_text("")
    told = refused("--output=o.trec", "--backend=replay", "--responses=o.calls.jsonl")
    assert "this journal would replace the stored answers" in told
    shutil.copy(PRESETS / "listwise.yaml", folder / "mine.yaml")
    assert "would replace the preset" in refused("--output=mine.yaml", "--preset=mine.yaml")


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("/dev/null", "/dev/null: is a device"),
        ("folder", "folder: is a folder"),
        ("new/", "new/: the name of a folder"),
        (".", "'.': not the name of a file"),
        ("", "'.': not the name of a file"),
        ("..", "..: is a folder"),
        ("loop", "loop: is a link to itself"),
        ("first.trec/o.trec", "first.trec is a file, not a folder"),
        ("x" * 250 + ".trec", "File name too long"),
        ("/proc/nothing/o.trec", "/proc/nothing: No such file or directory"),
    ],
)
def test_what_is_no_file_that_can_be_written_is_refused(output, message, refused, folder):
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    assert message in refused(f"--output={output}")


def test_a_pipe_or_a_device_as_journal_is_refused(refused, folder):
    os.mkfifo(folder / "pipe")
    assert "pipe: is a device" in refused("--output=o.trec", "--journal=pipe")
    assert "/dev/full: is a device" in refused("--output=o.trec", "--journal=/dev/full")


def test_a_link_to_nothing_important_stays_a_link(cell, folder):
    (folder / "elsewhere").mkdir()
    (folder / "o.trec").symlink_to("elsewhere/real.trec")
    assert cell("--output=o.trec")[0] == 0
    assert (folder / "o.trec").is_symlink()
    assert read_run(folder / "elsewhere/real.trec").keys() == {"q0", "q1"}


def test_runs_whose_names_differ_behind_a_dot_share_no_file(cell, folder):
    for name in ("run.dl19.k1", "run.dl19.k2", "run.json"):
        assert cell(f"--output={name}")[0] == 0
    files = {path.name for path in folder.glob("run.*")}
    expected = {f"{name}{end}" for name in ("run.dl19.k1", "run.dl19.k2", "run.json") for end in ENDS}
    assert files == expected


ENDS = ("", ".json", ".calls.csv", ".calls.jsonl")


@pytest.mark.parametrize("name", ["o.trec", "o.run", "o.txt", "o.trec.gz", "o.gz", "o"])
def test_known_suffixes_are_left_out_of_the_names_of_companions(name):
    files = RunFiles.of(f"results.d/{name}")
    assert [str(path) for path in (files.manifest, files.calls, files.journal, files.incomplete)] == [
        f"results.d/o{end}" for end in (".json", ".calls.csv", ".calls.jsonl", ".incomplete")
    ]


def test_the_manifest_of_another_run_is_not_replaced(cell, refused, folder):
    assert cell("--output=o.trec")[0] == 0
    assert "o.json: belongs to o.trec and would be replaced" in refused("--output=o.txt")
    (folder / "mine.json").write_text('{"my": "data"}')
    assert "mine.json: belongs to something else" in refused("--output=mine.trec")
    assert cell("--output=o.trec")[0] == 0  # its own is


def test_a_cell_of_the_workflow_is_named_as_its_rules_name_it():
    cell = paths.Cell("c", "eng", "bm25", "rank.k-2.5")
    files = RunFiles.of(cell.run)
    assert [str(path) for path in (files.manifest, files.calls, files.journal)] == [
        cell.manifest,
        cell.calls,
        cell.journal,
    ]


def test_a_name_with_blanks_gives_a_run_that_can_be_read(cell, folder):
    assert cell("--output=my new run.trec")[0] == 0
    assert {line.split()[5] for line in (folder / "my new run.trec").read_text().splitlines()} == {"my-new-run"}
    assert read_run(folder / "my new run.trec").keys() == {"q0", "q1"}


def test_the_run_of_the_finished_queries_is_marked_and_named_and_goes_once_all_are_there(cell, folder):
    with (folder / "answers.jsonl").open("w") as file:
        file.write(json.dumps({"qid": "q1", "call": 0, "response": "[2] > [1] > [3] > [4]"}) + "\n")
    replay = ["--backend=replay", "--responses=answers.jsonl", "--output=o.trec"]
    code, told = cell(*replay)
    assert code == 1
    assert "1 of 2 queries failed (q0); query q0: " in told
    assert told.endswith("The run of the other 1 queries is o.incomplete")
    assert not (folder / "o.trec").exists()
    assert read_run(folder / "o.incomplete").keys() == {"q1"}
    assert {line.split()[5] for line in (folder / "o.incomplete").read_text().splitlines()} == {"o-incomplete"}
    with (folder / "answers.jsonl").open("a") as file:
        file.write(json.dumps({"qid": "q0", "call": 0, "response": "[2] > [1] > [3] > [4]"}) + "\n")
    assert cell(*replay)[0] == 0
    assert not (folder / "o.incomplete").exists()
    assert read_run(folder / "o.trec").keys() == {"q0", "q1"}


@contextmanager
def mounted(folder, options):
    """A small file system of its own."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_folder_that_cannot_be_written_is_one_line_before_any_call(tmp_path, refused):
    with mounted(tmp_path / "out", "ro"):
        assert refused("--output=out/o.trec") == "rankk: out/o.trec: Read-only file system"
        assert refused("--output=o.trec", "--journal=out/j") == "rankk: out/j: Read-only file system"


def test_a_full_disk_stops_a_cell_at_once_in_one_line(tmp_path, server):
    inputs = write(tmp_path, queries=200, depth=4)
    command = [sys.executable, "-m", "rankk", "rerank", *inputs, "--backend=openai", f"--base-url={server.url}"]
    command += ["--model=fake", *SHORT, f"--output={tmp_path}/out/o.trec"]
    before = len(server.asked)
    with mounted(tmp_path / "out", "size=16k"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        kept = (tmp_path / "out/o.calls.jsonl").read_bytes().count(b"\n")
    assert done.returncode == 1
    told = done.stderr.strip().splitlines()[-1]
    assert re.fullmatch(r"rankk: .*/o\.calls\.jsonl: cannot be written: No space left on device; .*", told)
    assert "Traceback" not in done.stderr
    assert len(server.asked) - before <= kept + 64  # those that were under way


def test_half_a_terminal_and_an_answer_with_escapes_are_safe_to_look_at(cell, monkeypatch, folder):
    with (folder / "answers.jsonl").open("w") as file:
        for qid in ("q0", "q1"):
            file.write(
                json.dumps({"qid": qid, "call": 0, "response": "\x1b]0;owned\x07[2]\r\u202e 你好\x9b2J > [1]"}) + "\n"
            )
    assert cell("--backend=replay", "--responses=answers.jsonl", "--output=o.trec")[0] == 0
    command = [sys.executable, "-m", "rankk", "calls", str(folder / "o.calls.jsonl")]
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\x1b]0;owned\x07[2]\r\u202e ??\x9b2J > [1]" in done.stdout
    assert not set(done.stdout) & ({*range(32), 127, *range(0x80, 0xA0)} - {10})
