"""Collections: any source becomes the same files (rankk.paths names them)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rankk import paths


def build(collection: Mapping[str, Any], folder: Path) -> None:
    """Write the normalized files of a catalog entry (its dumped configuration) into `folder`."""
    if collection["source"] == "files":
        from rankk.corpora.normalize import Source, normalize

        source = Source(
            passages=paths.local(collection["passages"]),
            queries={language: paths.local(place) for language, place in collection["queries"].items()},
            qrels=paths.local(collection["qrels"]),
            drop=frozenset(collection["drop"]),
            partial=collection["partial"],
        )
        normalize(source, folder, topics=collection["topics"])
    elif collection["source"] == "ir-datasets":
        from rankk.corpora.ir_datasets import build as build_dataset

        fetched = Path(paths.downloads(f"ir_datasets/{collection['dataset']}"))
        build_dataset(fetched, folder, collection["queries"], collection["drop"], topics=collection["topics"])
    elif collection["source"] == "bright":
        from rankk.corpora.bright import build as build_task

        fetched = Path(paths.downloads(f"bright/{collection['task']}.{collection['queries']}"))
        build_task(fetched, folder, topics=collection["topics"])
    elif collection["source"] == "squad":
        from rankk.corpora.squad import build as build_questions

        archive = Path(paths.downloads(f"packages/{collection['package']}"))
        build_questions(archive, collection["members"], folder, topics=collection["topics"])
    else:
        from rankk.corpora.libreoffice_help import build as build_help

        build_help(
            collection["language"], Path(paths.downloads("libreoffice-help")), folder, topics=collection["topics"]
        )
