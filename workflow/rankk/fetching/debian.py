"""Texts from Debian's packages; apt fetches and verifies the packages but does not install them."""

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from pydantic import Field

from rankk.errors import RankkError
from rankk.fetching.base import Download

RELEASE = "Debian 12"
"""Release for which the catalog counts Debian's texts; apt fetches the texts of the machine's own release."""


class DebianPackages(Download):
    """The .deb files of several packages, in one folder."""

    name = "debian-packages"

    folder_name: str = Field(description="folder below results/downloads")
    packages: list[str] = Field(description="names of the packages")

    @property
    def target(self) -> str:
        """One folder holds all packages."""
        return self.folder_name

    def fetch(self, folder: Path) -> None:
        """Fetch the packages with apt-get. RankkError if a tool is missing or apt cannot fetch them."""
        require(self.folder_name, "apt-get", "dpkg-deb")
        folder.mkdir()
        error = run_apt(["download", *self.packages], folder)
        if error or len(list(folder.glob("*.deb"))) < len(self.packages):
            raise RankkError(
                f"{self.folder_name}: apt-get cannot fetch {', '.join(self.packages)}: {error}. Once `apt-get update` "
                f"has run as root, run again; or put the .deb files into {self.path}"
            )


class DebianDescriptions(Download):
    """Translated descriptions of all packages of the Debian release that this machine's apt knows."""

    name = "debian-descriptions"

    languages: list[str] = Field(description="Debian's codes of the languages")

    @property
    def target(self) -> str:
        """One folder holds all languages."""
        return "debian-descriptions"

    def fetch(self, folder: Path) -> None:
        """Fetch the lists with apt-get into `folder`, one text file per language. RankkError if apt has no list."""
        require(self.target, "apt-get", "/usr/lib/apt/apt-helper")
        folder.mkdir()
        with tempfile.TemporaryDirectory(dir=folder.parent.resolve()) as scratch:  # apt needs absolute paths
            Path(scratch, "partial").mkdir()
            options = {
                "Dir::State::Lists": scratch,
                "Dir::Cache": scratch,
                "APT::Sandbox::User": "",
                "Debug::NoLocking": "true",
                "Acquire::Languages": ",".join(self.languages),
            }
            command = ["update", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]
            error = run_apt(command, folder)
            for language in self.languages:
                lists = sorted(Path(scratch).glob(f"*_main_i18n_Translation-{language.replace('_', '%5f')}.*"))
                if error or not lists:
                    raise RankkError(f"{self.target}: apt-get has no descriptions in {language}: {error}")
                largest = max(lists, key=lambda file: file.stat().st_size)  # the release, not its updates
                with (folder / f"{language}.txt").open("wb") as file:
                    subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", str(largest)], stdout=file, check=True)


def require(what: str, *tools: str) -> None:
    """Raise RankkError if one of the tools is missing. `what` names the download in the message."""
    for tool in tools:
        if not shutil.which(tool):
            raise RankkError(f"{what}: {tool} is missing: it needs Debian or Ubuntu; use another corpus")


def run_apt(arguments: Sequence[str], folder: Path) -> str:
    """Run apt-get in a folder. Returns the end of its error output if it failed, else an empty string."""
    done = subprocess.run(["apt-get", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return (" ".join(done.stderr.split())[-300:] or "no output") if done.returncode else ""


def unpack(archive: Path, folder: str | Path, files: str = "*") -> None:
    """Unpack the files of a .deb whose paths match the pattern `files`. RankkError if dpkg-deb cannot read the .deb."""
    try:
        with (
            subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as archived,
            tarfile.open(fileobj=archived.stdout, mode="r|") as members,
        ):
            for member in members:
                if member.isfile() and fnmatch(member.name, files):
                    members.extract(member, folder, filter="data")
        whole = not archived.returncode
    except tarfile.TarError:
        whole = False
    if not whole:
        raise RankkError(f"{archive}: dpkg-deb cannot read it; delete its folder to fetch it again")
