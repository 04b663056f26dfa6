"""Base class of the measures that rankk adds to those of ir_measures."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from pydantic import Field, PositiveInt

from rankk.component import Component


class Measure(Component):
    """One measure in one module; the fields of a subclass are its parameters: NAME(parameter=value)@cutoff."""

    cutoff: PositiveInt | None = Field(default=None, description="ranks that count, as in NAME@10; default: all")

    @abstractmethod
    def value(self, ranking: Sequence[str], grades: Mapping[str, int]) -> float:
        """Value for one query: passage ids, best first, and the grades of its judged passages."""

    def __str__(self) -> str:
        settings = self.model_dump(exclude={"cutoff"}, exclude_defaults=True)
        text = ",".join(f"{key}={value!r}" for key, value in settings.items())
        return self.name + (f"({text})" if text else "") + (f"@{self.cutoff}" if self.cutoff else "")
