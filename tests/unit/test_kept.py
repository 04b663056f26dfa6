"""What is kept from one process to the next is computed again where anything that it depends on has changed."""

import os
import subprocess
import sys

import pytest

from rankk.io.kept import kept


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    module = tmp_path / "caller.py"
    module.write_text("code = 1\n")
    return module


def answers(module, key, *values):
    """What `kept` returns for functions of these values, one after the other."""
    return [kept(str(module), key, "name", lambda value=value: value) for value in values]


def test_a_value_is_computed_once(module):
    assert answers(module, "key", {"a": [1]}, "never computed") == [{"a": [1]}] * 2
    assert kept(str(module), "key", "another name", lambda: 2) == 2


def test_another_key_or_other_code_is_computed_again(module):
    assert answers(module, "key", 1) == [1]
    assert answers(module, "another", 2) == [2]
    module.write_text("code = 2\n")
    assert answers(module, "another", 3) == [3]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": 1}'])
def test_a_broken_file_is_written_anew(module, content):
    answers(module, "key", 1)
    (file,) = (module.parent / "__pycache__").iterdir()
    file.write_text(content)
    assert answers(module, "key", 2, 3) == [2, 2]


def test_nothing_is_kept_without_bytecode_or_of_other_than_plain_data(module, monkeypatch):
    assert answers(module, "key", {1j}, 1) == [{1j}, 1]
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert answers(module, "another", 2, 3) == [2, 3]


def test_a_fingerprint_follows_the_code_of_a_plugin(tmp_path):
    plugin = tmp_path / "plugin.py"
    code = (
        "import sys; from rankk.component import load_plugins; from rankk.fingerprint import fingerprint; "
        "load_plugins([sys.argv[1]]); print(fingerprint(next(n for n in sys.modules if 'rankk_plugin_' in n)))"
    )
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    found = []
    for text in ("value = 1\n", "value = 1  # remark\n", "value = 2\n", "value = 1\n"):
        plugin.write_text(text)
        command = [sys.executable, "-c", code, str(plugin)]
        found.append(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    assert found[0] == found[1] == found[3] != found[2]
