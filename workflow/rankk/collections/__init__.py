"""Collections: any source becomes the same files (rankk.grid names them)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rankk import grid


def build(collection: Mapping[str, Any], folder: Path) -> None:
    """Write the normalized files of a catalog entry (its dumped configuration) into `folder`."""
    if collection["source"] == "files":
        from rankk.collections.normalize import Source, normalize

        source = Source(
            passages=grid.local(collection["passages"]),
            queries={language: grid.local(place) for language, place in collection["queries"].items()},
            qrels=grid.local(collection["qrels"]),
            drop=frozenset(collection["drop"]),
            partial=collection["partial"],
        )
        normalize(source, folder, topics=collection["topics"])
    elif collection["source"] == "ir-datasets":
        from rankk.collections.from_ir_datasets import build as build_dataset

        fetched = Path(grid.downloads(f"ir_datasets/{collection['dataset']}"))
        build_dataset(fetched, folder, collection["queries"], collection["drop"], topics=collection["topics"])
    elif collection["source"] == "bright":
        from rankk.collections.bright import build as build_task

        fetched = Path(grid.downloads(f"bright/{collection['task']}.{collection['queries']}"))
        build_task(fetched, folder, topics=collection["topics"])
    elif collection["source"] == "squad":
        from rankk.collections.squad import build as build_questions

        archive = Path(grid.downloads(f"packages/{collection['package']}"))
        build_questions(archive, collection["members"], folder, topics=collection["topics"])
    else:
        from rankk.collections.libreoffice_help import build as build_help

        build_help(
            collection["language"], Path(grid.downloads("libreoffice-help")), folder, topics=collection["topics"]
        )
