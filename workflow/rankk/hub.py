"""Models from the hub, fetched by jobs of their own into its cache (HF_HOME); all other jobs need no network."""

import logging
import os
import re
from fnmatch import fnmatch
from pathlib import Path

from rankk.errors import RankkError
from rankk.files import sha256

log = logging.getLogger("rankk")

OTHER_FORMATS = ["*.bin", "*.pt", "*.pth", "*.h5", "*.msgpack", "*.onnx", "*.gguf", "original/*"]
"""Copies of the weights that are not needed beside safetensors."""


def is_hub_id(model: str) -> bool:
    """Whether a model's name is owner/name, and no folder here."""
    return bool(re.fullmatch(r"[\w.-]+/[\w.-]+", model)) and not Path(model).exists()


def fetch(model: str, revision: str | None, folder: str | Path) -> None:
    """Make `folder` a link to the model's files in the hub's cache, complete and checked by SHA-256.

    What was cut off goes on where it was. Raises RankkError with address, size and what to do where the hub refuses or
    cannot be reached and the cache does not hold the model.
    """
    snapshot = _snapshot(model, revision)
    _check(snapshot)
    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    link = target.with_name(f".{target.name}.{os.getpid()}")
    link.symlink_to(snapshot)
    link.replace(target)
    log.info("%s: %s", target, snapshot)


def commit(folder: str | Path) -> str | None:
    """The commit of a model that stands in the hub's cache, None elsewhere."""
    place = Path(folder).resolve()
    return place.name if place.parent.name == "snapshots" else None


def _snapshot(model: str, revision: str | None) -> Path:
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError

    address, size = f"{constants.ENDPOINT}/{model}", "size not told"
    try:
        info = HfApi().model_info(model, revision=revision, files_metadata=True)
        files = {file.rfilename: file.size or 0 for file in info.siblings or []}
        ignored = OTHER_FORMATS if any(name.endswith(".safetensors") for name in files) else []
        wanted = [size for name, size in files.items() if not any(fnmatch(name, pattern) for pattern in ignored)]
        size = f"{sum(wanted) / 1e9:.1f} GB"
        log.info("%s: %s", address, size)
        return Path(snapshot_download(model, revision=revision, ignore_patterns=ignored))
    except GatedRepoError:
        raise RankkError(
            f"{address} ({size}) is gated: accept its licence there, log in (`hf auth login`, or HF_TOKEN), and run "
            "`snakemake downloads` again"
        ) from None
    except RepositoryNotFoundError:
        raise RankkError(f"{address}: no such model, or one that only its owner sees; check the name") from None
    except Exception as error:  # whatever the hub's client lets through of its transport's errors
        reason = " ".join(str(error).split())[:200]
    try:
        return Path(snapshot_download(model, revision=revision, local_files_only=True, ignore_patterns=OTHER_FORMATS))
    except LocalEntryNotFoundError:
        raise RankkError(
            f"{address} ({size}) cannot be fetched ({reason}). Run `snakemake downloads` where there is a network, "
            "with HF_HOME on a disk that the compute nodes see, or name a local folder as model; HF_ENDPOINT names "
            "a mirror"
        ) from None


def _check(snapshot: Path) -> None:
    """Large files are named by their SHA-256 in the cache; one that has another is removed."""
    for file in snapshot.rglob("*"):
        blob = file.resolve()
        if re.fullmatch("[0-9a-f]{64}", blob.name) and sha256(blob) != blob.name:
            blob.unlink()
            file.unlink()
            raise RankkError(f"{file}: damaged on its way (its SHA-256 is another); it was removed, run again")
