"""The GPUs that a manifest names; nvidia-smi is another's program and stood in for."""

import pytest

from rankk.provenance import gpus

DRIVER = """#!/bin/sh
case "$*" in
  *--id=1*) echo "second" ;;
  *--id=*) exit 6 ;;
  *) echo "first"; echo "second" ;;
esac
"""


@pytest.fixture
def driver(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text(DRIVER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


@pytest.mark.parametrize(
    ("visible", "expected"),
    [(None, ["first", "second"]), ("1", ["second"]), ("", []), ("MIG-of-another-kind", ["first", "second"])],
)
def test_only_gpus_that_the_process_may_use_are_named(driver, monkeypatch, visible, expected):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus() == expected


def test_a_machine_without_the_driver_has_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus() == []
