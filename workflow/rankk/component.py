"""Components, and the registries that find them.

A retriever, a corpus source, a strategy, a parser, a backend, a fusion, a figure, a table or a measure is one class in
one file. The class declares its name, its settings (pydantic fields) and what it does. A registry imports the modules
of its package, the entry points of the group `rankk.plugins` and the plugins of an experiment, and then lists every
named subclass of its base class. Error messages, command-line choices, the schema and the reference pages follow from
these classes.
"""

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import (
    BaseModel,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from rankk.config.base import Strict, cosmetic_fields
from rankk.errors import RankkError
from rankk.io.files import exists

ENTRY_POINTS = "rankk.plugins"
"""Group of entry points whose modules define components."""


class Component(Strict):
    """Base of every component; the fields of a subclass are its settings."""

    name: ClassVar[str] = ""
    """Name in configuration files; a class without one is abstract."""

    def deciding(self) -> dict[str, Any]:
        """Name and settings that decide the result, as plain data. Unset optional settings are left out."""
        return {"type": self.name} | self.model_dump(mode="json", exclude=cosmetic_fields(self), exclude_none=True)

    def described(self) -> dict[str, Any]:
        """Name and all settings, as plain data."""
        return {"type": self.name} | self.model_dump(mode="json")


T = TypeVar("T", bound=Component)


class Registry(Generic[T]):
    """All components of one kind, by name.

    `kind` is the word used in messages ("retriever"). `packages` are those whose modules define the components that
    rankk ships.
    """

    def __init__(self, kind: str, base: type[T], *packages: str) -> None:
        self.kind, self.base, self._packages = kind, base, packages

    def all(self) -> dict[str, type[T]]:
        """Every component class by its name, in alphabetical order. RankkError where two share a name."""
        for package in self._packages:
            _import_modules(package)
        _load_entry_points()
        components: dict[str, type[T]] = {}
        for component in _subclasses(self.base):
            if name := component.__dict__.get("name"):
                other = components.get(name, component)
                if other is not component:
                    raise RankkError(
                        f"{self.kind} {name!r} is defined twice: in {other.__module__} and {component.__module__}"
                    )
                components[name] = component
        return dict(sorted(components.items()))

    def names(self) -> list[str]:
        """Names of all components."""
        return list(self.all())

    def get(self, name: str) -> type[T]:
        """The component class of that name. RankkError lists the known names."""
        known = self.all()
        if name not in known:
            raise RankkError(f"{self.kind} {name!r}: unknown; expected one of {', '.join(known)}")
        return known[name]

    def make(self, settings: Mapping[str, Any], tag: str = "type") -> T:
        """A component from plain data, whose key `tag` holds its name. Raises pydantic's ValidationError."""
        return self.get(str(settings[tag])).model_validate({key: v for key, v in settings.items() if key != tag})


class ByName:
    """Annotation of a pydantic field that holds a component: `Annotated[Parser, ByName(PARSERS)]`.

    Configuration gives the component's name, or a mapping of its settings with the name under `type`.
    """

    def __init__(self, registry: Registry[Any]) -> None:
        self._registry = registry

    def _read(self, value: Any) -> Any:
        settings = {"type": value} if isinstance(value, str) else value
        if not isinstance(settings, Mapping):
            return value
        known = self._registry.all()
        if not isinstance(settings.get("type"), str) or settings["type"] not in known:
            message = f"unknown {self._registry.kind}; expected one of {', '.join(known)}"
            raise PydanticCustomError("unknown_component", "{message}", {"message": message})
        try:
            return self._registry.make(settings)
        except ValidationError as error:
            raise ValueError(first_fault(error)) from None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema of the class, preceded by `_read`."""
        dump = core_schema.plain_serializer_function_ser_schema(lambda component: component.deciding())
        return core_schema.no_info_before_validator_function(self._read, handler(source), serialization=dump)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A name, or a mapping of one component's settings."""
        del schema, handler
        known = self._registry.all()
        return {"anyOf": [{"enum": list(known)}, *(settings_schema(name, known[name]) for name in known)]}


def settings_schema(name: str, component: type[Component]) -> dict[str, Any]:
    """JSON schema of a component's settings with its name under `type`."""
    schema = component.model_json_schema()
    return schema | {"properties": {"type": {"const": name}} | schema["properties"], "required": ["type"]}


SHOWN = 200
"""Characters of a faulty value that are shown."""


def first_fault(error: ValidationError) -> str:
    """The first of pydantic's errors, as one line that begins with the key."""
    fault = error.errors()[0]
    message, key = fault["msg"].removeprefix("Value error, "), ".".join(map(str, fault["loc"]))
    if fault["type"] == "value_error":
        return f"{key}.{message}" if key else message
    if fault["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    return f"{key}: {fault['input']!r:.{SHOWN}}: {message[0].lower()}{message[1:]}"


def apart(values: Mapping[str, Any], component: type[Component], owner: type[BaseModel], key: str) -> tuple[Any, Any]:
    """Split flat settings into those of a component and those of the object that has the component.

    In configuration files, a component and its settings are at the same level as the other keys (`source: files,
    passages: …, language: eng`). A key that both declare is in both results; an unknown key is in the second, whose
    validation rejects it. `key` is the one that names the component.
    """
    settings = {field: value for field, value in values.items() if field in component.model_fields}
    shared = owner.model_fields.keys() - {key}
    rest = {field: v for field, v in values.items() if field != key and (field in shared or field not in settings)}
    return settings, rest


_PLUGINS: set[str] = set()


def plugin_packages() -> set[str]:
    """Top-level packages of the loaded plugins and entry points."""
    return _PLUGINS


def load_plugins(plugins: Iterable[str]) -> None:
    """Import modules that define components: paths of Python files, or dotted names. RankkError where one fails."""
    for plugin in plugins:
        try:
            if plugin.endswith(".py"):
                _load_file(Path(plugin).resolve())
            else:
                importlib.import_module(plugin)
                _PLUGINS.add(plugin.partition(".")[0])
        except RankkError:
            raise
        except (Exception, SystemExit) as error:  # whatever a plugin's code raises
            raise RankkError(f"plugins: {plugin}: cannot be imported: {type(error).__name__}: {error}") from error


@cache
def _load_file(path: Path) -> None:
    if not exists(path):
        raise RankkError(f"plugins: {path}: no such file")
    name = f"rankk_plugin_{path.stem}_{sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RankkError(f"plugins: {path}: not a Python file")
    sys.modules[name] = importlib.util.module_from_spec(spec)
    _PLUGINS.add(name)
    try:
        spec.loader.exec_module(sys.modules[name])
    except BaseException:
        del sys.modules[name]
        raise


@cache
def _import_modules(package: str) -> None:
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        importlib.import_module(module.name)


@cache
def _load_entry_points() -> None:
    for point in entry_points(group=ENTRY_POINTS):
        point.load()
        _PLUGINS.add(point.value.partition(":")[0].partition(".")[0])


def _subclasses(base: type[T]) -> Iterable[type[T]]:
    for component in base.__subclasses__():
        yield component
        yield from _subclasses(component)
