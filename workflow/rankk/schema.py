"""The JSON schema of a configuration file, from the settings of all components."""

import sys
from typing import Any

from pydantic import BaseModel

from rankk.component import Component, Registry
from rankk.config.reranker import Reranker
from rankk.config.training import Training
from rankk.config.translator import Translator
from rankk.corpora.base import PASSAGES, TOPICS, Collection, Corpus
from rankk.experiment import Experiment
from rankk.fetching.models import MODELS
from rankk.retrievers.base import RETRIEVERS


def schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of an experiment's file, with every component that is registered."""
    sections: dict[str, list[dict[str, Any]]] = {
        "corpora": _flat(Corpus, PASSAGES),
        "collections": _flat(Collection, TOPICS, PASSAGES),
        "retrievers": _tagged(RETRIEVERS),
        "rerankers": [_object(Reranker)],
        "models": _tagged(MODELS),
        "training": [_object(Training)],
        "translators": [_object(Translator)],
    }
    whole = _object(Experiment, without=set(sections))
    for section, kinds in sections.items():
        entry = kinds[0] if len(kinds) == 1 else {"oneOf": kinds}
        whole["properties"][section] = {"type": "object", "additionalProperties": entry}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}


def _flat(owner: type[BaseModel], *registries: Registry[Any]) -> list[dict[str, Any]]:
    """One schema per source, with the keys of the class and those of the source."""
    schemas = []
    for name in registries[0].names():
        whole = _object(owner, without={"source"})
        whole["title"] = f"{owner.__name__}, source {name}"
        whole["properties"]["source"] = {"const": name}
        for registry in registries:
            whole["properties"] |= _object(registry.get(name))["properties"]
        if len(registries) > 1:
            whole["properties"] |= _object(Corpus, without={"source", "description"})["properties"]
        whole.pop("required", None)  # required keys depend on whether a corpus is named
        schemas.append(whole)
    return schemas


def _tagged(registry: Registry[Any]) -> list[dict[str, Any]]:
    """One schema per component, selected by `type`."""
    schemas = []
    for name, component in registry.all().items():
        whole = _object(component)
        whole["properties"] = {"type": {"const": name}} | whole["properties"]
        schemas.append(whole)
    return schemas


def _object(model: type[BaseModel], without: set[str] | None = None) -> dict[str, Any]:
    """Schema of a settings class, with its nested classes in place."""
    whole = model.model_json_schema(mode="validation")
    definitions = whole.pop("$defs", {})
    hidden = without or set()
    whole["properties"] = {
        name: _inlined(value, definitions) for name, value in whole.get("properties", {}).items() if name not in hidden
    }
    whole["additionalProperties"] = False
    if required := [name for name in whole.pop("required", []) if name not in hidden]:
        whole["required"] = required
    if issubclass(model, Component):
        whole["title"] = model.name
    return whole


def _inlined(value: Any, definitions: dict[str, Any]) -> Any:
    """A schema without references."""
    if isinstance(value, list):
        return [_inlined(entry, definitions) for entry in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        value = definitions[name] | {key: entry for key, entry in value.items() if key != "$ref"}
    return {key: _inlined(entry, definitions) for key, entry in value.items() if key != "decides"}


def main(target: str) -> None:
    """Write the schema as YAML."""
    import yaml

    from rankk.io.files import atomic_write

    with atomic_write(target) as file:
        file.write("# Generated from the components (make schema); do not edit.\n")
        yaml.safe_dump(schema(), file, sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    main(sys.argv[1])
