"""A copy of the checkout's files, and the wheel that is built from it."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ..conftest import ROOT


def git_files() -> list[str]:
    """Paths of all files that git would commit; links to folders are one path."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [path for path in dict.fromkeys(listed) if path and (ROOT / path).exists()]


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Path:
    """A clean copy of the checkout."""
    folder = tmp_path_factory.mktemp("clone") / "rankk"
    for path in git_files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path, follow_symlinks=False)
    return folder


@pytest.fixture(scope="session")
def installed(checkout, tmp_path_factory) -> Path:
    """A folder that holds the unpacked wheel and nothing else."""
    wheels, site = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(wheels)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(checkout)], check=True)
    with zipfile.ZipFile(*wheels.glob("rankk-*.whl")) as wheel:
        wheel.extractall(site)
    return site
