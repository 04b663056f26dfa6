"""Models and files of the hub. They are fetched into the hub's cache (HF_HOME); results/ holds links to them."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from pydantic import Field

from rankk.errors import RankkError
from rankk.fetching.base import Download
from rankk.io.files import exists, sha256

log = logging.getLogger("rankk")

OTHER_FORMATS = ["*.bin", "*.pt", "*.pth", "*.h5", "*.msgpack", "*.onnx", "*.gguf", "original/*"]
"""Patterns of files that are not needed if a model also has safetensors."""


def is_hub_id(model: str) -> bool:
    """Whether a model's name has the form owner/name and is not a local folder."""
    return bool(re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", model)) and not exists(model)


class HubModel(Download):
    """A model of the hub: a link to its files in the hub's cache. All large files are checked by SHA-256."""

    name = "hub-model"

    model: str = Field(description="owner/name")
    revision: str = Field(default="main", description="commit, tag or branch")

    @property
    def target(self) -> str:
        """Model and revision."""
        return f"models/{self.model}@{self.revision}"

    def fetch(self, folder: Path) -> None:
        """Fetch the model's files and link to them. Interrupted downloads resume.

        RankkError if the hub refuses, or if it cannot be reached and the cache lacks the model.
        """
        from huggingface_hub import snapshot_download

        size, ignored = _size(self.model, self.revision)
        with _explained(self.model, size):
            snapshot = Path(snapshot_download(self.model, revision=self.revision, ignore_patterns=ignored))
        for file in snapshot.rglob("*"):
            _check(file)
        folder.symlink_to(snapshot)
        log.info("%s: %s", self.path, snapshot)


class HubFile(Download):
    """One file of a dataset's repository on the hub."""

    name = "hub-file"

    dataset: str = Field(description="owner/name")
    revision: str = Field(default="main", description="commit, tag or branch")
    file: str = Field(description="path in the repository")

    @property
    def target(self) -> str:
        """Repository, revision and path."""
        return f"files/{self.dataset}@{self.revision}/{self.file}"

    def fetch(self, folder: Path) -> None:
        """Fetch the file and link to it in the hub's cache. Errors are the same as for models."""
        from huggingface_hub import hf_hub_download

        with _explained(f"datasets/{self.dataset}", self.file):
            cached = Path(hf_hub_download(self.dataset, self.file, repo_type="dataset", revision=self.revision))
        _check(cached)
        folder.mkdir()
        link = folder / Path(self.file).name
        link.symlink_to(cached)
        log.info("%s: %s", link, cached)


def commit(folder: str | Path) -> str | None:
    """The commit of a model in the hub's cache; None for any other folder."""
    snapshot = Path(folder).resolve()
    return snapshot.name if snapshot.parent.name == "snapshots" else None


def _size(model: str, revision: str | None) -> tuple[str, list[str]]:
    """Size of the files that will be fetched, for messages, and patterns of the files that will not.

    If the hub cannot be reached, the size is "size not told" and the patterns are `OTHER_FORMATS`.
    """
    from huggingface_hub import HfApi

    try:
        info = HfApi().model_info(model, revision=revision, files_metadata=True)
    except Exception as error:  # the hub cannot be reached; its cache may hold the model
        log.warning("%s: %s", model, error)
        return "size not told", OTHER_FORMATS
    files = {file.rfilename: file.size or 0 for file in info.siblings or []}
    ignored = OTHER_FORMATS if any(name.endswith(".safetensors") for name in files) else []
    wanted = [size for name, size in files.items() if not any(fnmatch(name, pattern) for pattern in ignored)]
    log.info("%s: %.1f GB", model, sum(wanted) / 1e9)
    return f"{sum(wanted) / 1e9:.1f} GB", ignored


@contextmanager
def _explained(repository: str, what: str) -> Iterator[None]:
    """Turn errors of the hub's client into RankkErrors that say what to do."""
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, RemoteEntryNotFoundError, RepositoryNotFoundError

    address = f"{constants.ENDPOINT}/{repository}"
    try:
        yield
    except GatedRepoError:
        raise RankkError(
            f"{address} ({what}) is gated: accept its licence there, log in (`hf auth login`, or HF_TOKEN), and run "
            "`snakemake downloads` again"
        ) from None
    except (RepositoryNotFoundError, RemoteEntryNotFoundError):
        raise RankkError(f"{address} ({what}): not there, or for its owner only; check the name") from None
    except Exception as error:  # the hub's client passes on errors of its transport as they are
        raise RankkError(
            f"{address} ({what}) cannot be fetched ({' '.join(str(error).split())[:200]}). Run `snakemake downloads` "
            "where there is a network, with HF_HOME on a disk that the compute nodes see, or name a local folder or "
            "file; HF_ENDPOINT names a mirror"
        ) from None


def _check(file: Path) -> None:
    """Check a large file, whose name in the cache is its SHA-256. Other files are not checked.

    If the file has a different SHA-256, remove it and raise RankkError.
    """
    blob = file.resolve()
    if re.fullmatch("[0-9a-f]{64}", blob.name) and sha256(blob) != blob.name:
        blob.unlink()
        file.unlink()
        raise RankkError(f"{file}: damaged on its way (its SHA-256 is another); it was removed, run again")
