"""Files of a cell's results, and checks that writing them replaces nothing else."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from rankk.errors import RankkError
from rankk.io.files import atomic_path

AFFECTS_RESULTS = False

KNOWN_SUFFIX = re.compile(r"(\.(trec|txt|run))?(\.gz)?$")
JOURNAL = ".calls.jsonl"
UNKNOWN = "something else"


@dataclass(frozen=True)
class RunFiles:
    """A reranked run and the files beside it, named after the run without `.trec`, `.txt`, `.run` and `.gz`.

    `incomplete`: the finished queries' run where others failed, under a name that no reader of runs looks for.
    """

    run: Path
    manifest: Path
    calls: Path
    journal: Path
    incomplete: Path

    @classmethod
    def of(cls, run: str | Path, journal: str | Path | None = None) -> "RunFiles":
        """The files of the run at a path; the journal may be elsewhere."""
        for path in filter(None, (run, journal)):
            if str(path).endswith(os.sep):
                raise RankkError(f"{path}: the name of a folder, not of a file; give the run to write (--output)")
        base = KNOWN_SUFFIX.sub("", str(run))
        names = [run, f"{base}.json", f"{base}.calls.csv", journal or f"{base}{JOURNAL}", f"{base}.incomplete"]
        return cls(*map(_target, map(Path, names)))

    @property
    def name(self) -> str:
        """The run's name without the suffixes of runs."""
        return self.incomplete.stem

    def check(self, inputs: Mapping[str, str | Path]) -> None:
        """RankkError where one of the files cannot be written or would replace an input or another run's file.

        `inputs`: files that are read, by what they are. Folders are made; no file is changed.
        """
        files: dict[str, Path] = asdict(self)
        for what, path in files.items():
            if not path.name:
                raise RankkError(f"{str(path)!r}: not the name of a file; give the run to write (--output)")
            for of, given in inputs.items():
                if _same(path, Path(given)):
                    raise RankkError(f"{path}: this {what} would replace the {of} ({given}); choose another --output")
            if path.is_symlink() or (path.exists() and not path.is_file()):
                kind = "folder" if path.is_dir() else "link to itself" if path.is_symlink() else "device"
                raise RankkError(f"{path}: is a {kind}, not a file to write the {what} to; choose another --output")
            folder = next(parent for parent in path.absolute().parents if parent.exists())
            if not folder.is_dir():
                raise RankkError(f"{path}: {folder} is a file, not a folder; choose another --output")
            with suppress(_Probed), atomic_path(path) as partial:
                partial.touch()
                raise _Probed  # the path is writable: remove the test file
        if len({os.path.realpath(path) for path in files.values()}) < len(files):
            raise RankkError(f"{self.journal}: the journal would be the same file as another result; choose another")
        self._check_owner()

    def _check_owner(self) -> None:
        """Check that an existing manifest belongs to this run, as it would be replaced."""
        if not self.manifest.exists():
            return
        try:
            owner = str(json.loads(self.manifest.read_bytes())["run"])
        except (ValueError, KeyError, TypeError, RecursionError):
            owner = UNKNOWN
        if owner != self.run.name and (owner == UNKNOWN or self.manifest.with_name(owner).exists()):
            raise RankkError(
                f"{self.manifest}: belongs to {owner} and would be replaced by the manifest of {self.run.name}; choose "
                "another --output"
            )


class _Probed(Exception):
    pass


def one_word(tag: str) -> str:
    """A run's tag without blanks, which would split its column."""
    return re.sub(r"\s+", "-", tag.strip()) or "rankk"


def neighbours(journal: Path) -> Iterator[Path]:
    """Journals of the same first stage: other cells' and shards'."""
    folder = journal.parent.parent if journal.parent.suffix == ".shards" else journal.parent
    yield from folder.glob(f"*{JOURNAL}")
    yield from folder.glob(f"*.shards/*{JOURNAL}")


def _target(path: Path) -> Path:
    """Target of a path: a link is kept, and the file that it names is written."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _same(path: Path, other: Path) -> bool:
    if path.exists() and other.exists():
        return path.samefile(other)
    return os.path.realpath(path) == os.path.realpath(other)
