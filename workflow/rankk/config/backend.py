"""Settings with a backend, whose own settings are at the same level."""

from collections.abc import Mapping
from typing import Any

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from rankk.config.base import Strict, cosmetic_fields
from rankk.llm.addresses import without_passwords
from rankk.llm.backends import BACKENDS, Backend

DEFAULT = "vllm"


class WithBackend(Strict):
    """Base of settings with a `backend`.

    In configuration files the backend's own settings stand at the same level: {backend: openai, base_url: …}.
    """

    backend: SerializeAsAny[Backend] = Field(
        default_factory=lambda: BACKENDS.get(DEFAULT)(), description="what answers the calls"
    )

    @model_validator(mode="before")
    @classmethod
    def gather_backend(cls, data: Any) -> Any:
        """Build the backend from its name and the keys that are its settings."""
        if not isinstance(data, Mapping) or isinstance(data.get("backend"), Backend):
            return data
        name, known = data.get("backend", DEFAULT), BACKENDS.all()
        if not isinstance(name, str) or name not in known:
            raise ValueError(f"backend: {name!r}: unknown; expected one of {', '.join(known)}")
        fields = known[name].model_fields
        for key in data.keys() - cls.model_fields.keys() - fields.keys():
            if owners := [other for other, backend in known.items() if key in backend.model_fields]:
                raise ValueError(f"{key}: is a setting of backend {', '.join(owners)}, not of {name}; leave it out")
        backend = known[name].model_validate({key: data[key] for key in fields if key in data})
        return {key: value for key, value in data.items() if key not in fields} | {"backend": backend}

    @model_serializer(mode="wrap")
    def flat(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Settings as plain data, with those of the backend at the same level."""
        data = dict(handler(self))
        settings = data.pop("backend", None)
        return data if settings is None else data | {"backend": self.backend.name} | settings

    def deciding(self) -> dict[str, Any]:
        """Settings that decide the answers, as plain data."""
        data = self.model_dump(mode="json", exclude={"backend": True} | cosmetic_fields(self))
        return data | {"backend": self.backend.name} | {k: v for k, v in self.backend.deciding().items() if k != "type"}

    def described(self) -> dict[str, Any]:
        """Settings for a manifest: those that decide the answers and all of the backend's; passwords are masked."""
        return without_passwords(self.deciding() | self.backend.model_dump(mode="json"))

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The schema of the flat form."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        properties = schema["properties"]
        properties["backend"] = {"default": DEFAULT, "enum": BACKENDS.names(), "title": "Backend", "type": "string"}
        properties["backend"]["description"] = "what answers the calls"
        for name, backend in BACKENDS.all().items():
            settings = handler.resolve_ref_schema(handler(backend.__pydantic_core_schema__))["properties"]
            for key, value in settings.items():
                properties[key] = value | {"description": f"{name}: {value.get('description', key)}"}
        return schema
