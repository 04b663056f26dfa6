"""A cell as a folder that TIRA and TIREx take: run.txt.gz and ir-metadata.yml (Breuer et al. 2022, ir_metadata 0.1)."""

import platform
from pathlib import Path
from typing import Any

from rankk.errors import RankkError
from rankk.io.files import atomic_write, read_json
from rankk.io.trec import read_metadata, read_run, write_run
from rankk.io.yaml_files import dump_yaml
from rankk.provenance import printed
from rankk.reranking.outputs import RunFiles

RUN, METADATA = "run.txt.gz", "ir-metadata.yml"


def export(run: str, folder: str, *, team: str, collection: str, repository: str | None = None) -> None:
    """Write both files. The metadata is taken from the run's manifest and from its ir_metadata.

    `repository`: address of the code; default: the origin of the repository in the working directory. RankkError where
    there is none, or the folder holds something else.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or {path.name for path in target.iterdir()} - {RUN, METADATA}):
        raise RankkError(f"{folder}: holds something else than an export; name a new folder")
    hits, tag = read_run(run), _tag(run)
    metadata = _merged(read_metadata(run), _metadata(run, tag, team, collection, repository))
    with atomic_write(target / METADATA) as file:
        file.write(dump_yaml(metadata))
    write_run(target / RUN, hits, tag)


def _tag(run: str) -> str:
    """The tag of the run's first line."""
    from rankk.io.text import read_lines

    return next(line.split()[-1] for _, line in read_lines(run) if line.strip() and not line.startswith("#"))


def _metadata(run: str, tag: str, team: str, collection: str, repository: str | None) -> dict[str, Any]:
    """The known fields of ir_metadata. TIRA writes `test collection` with a space."""
    path = RunFiles.of(run).manifest
    manifest = read_json(path) if path.is_file() else {}
    address = repository or next(iter(printed("git", "config", "--get", "remote.origin.url")), None)
    if not address:
        raise RankkError("the repository here has no origin; name where the code is to be had (--repository)")
    source = {"repository": address, "lang": ["python"], "commit": manifest.get("commit")}
    method = {"name": tag, "description": f"First stage of {tag}, run by rankk.", "automatic": True}
    system: dict[str, Any] = {}
    if manifest:
        model, preset = manifest["model"]["name"], manifest["preset"]["name"]
        method["description"] = f"Passages reranked by {model} with the prompt {preset}, run by rankk."
        method["reranking"] = {key: manifest[key] for key in ("reranker", "model", "preset", "sampling")}
        system = {
            "hardware": {"gpu": manifest["gpus"]},
            "software": {"libraries": [f"{name} {version}" for name, version in manifest["versions"].items()]},
        }
    return {
        "actor": {"team": team},
        "platform": system | {"operating system": platform.system()},
        "implementation": {"source": _known(source)},
        "method": method,
        "data": {"test collection": {"name": collection}},
    }


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Both mappings; where both have a value that is no mapping, the second's."""
    both = first | second
    for key in first.keys() & second.keys():
        if isinstance(first[key], dict) and isinstance(second[key], dict):
            both[key] = _merged(first[key], second[key])
    return both
