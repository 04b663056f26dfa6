"""The documentation site builds, and all of its links hold."""

import os
import shutil
import subprocess

import pytest


def test_the_site_builds_without_a_broken_link(checkout, tmp_path):
    if shutil.which("mkdocs") is None:
        pytest.skip("mkdocs is not installed")
    folder = tmp_path / "rankk"
    shutil.copytree(checkout, folder, symlinks=True)
    command = ["make", "docs", "--old-file=setup", "--old-file=reference"]
    done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    site = folder / "build" / "site"
    assert "rankk runs reranking experiments" in (site / "index.html").read_text(encoding="utf-8")
    assert 'id="sliding"' in (site / "docs" / "reference" / "strategies.html").read_text(encoding="utf-8")


def test_a_broken_link_stops_the_build(checkout, tmp_path):
    if shutil.which("mkdocs") is None:
        pytest.skip("mkdocs is not installed")
    folder = tmp_path / "rankk"
    shutil.copytree(checkout, folder, symlinks=True)
    with (folder / "docs" / "glossary.md").open("a") as file:
        file.write("\n[nowhere](presets.md#nowhere)\n")
    command = ["make", "docs", "--old-file=setup", "--old-file=reference"]
    done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True)
    assert done.returncode != 0
    assert "nowhere" in done.stdout + done.stderr
