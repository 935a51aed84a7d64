"""Constants with units and ranges: how a class says what it needs of a file, and how a file's table is read into it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from ..errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Constant:
    """What a number of a file may be: its meaning, its unit, and the least and the most that is plausible."""

    about: str
    unit: str
    least: float
    most: float

    def check(self, value: Any, where: str) -> float:
        """The value as a float; ConfigError, with the range, where it cannot be."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not self.least <= value <= self.most:
            raise ConfigError(f"{where} = {value!r} cannot be: {self.wanted}")
        return float(value)

    @property
    def wanted(self) -> str:
        """The meaning with the range and the unit."""
        return f"{self.about}, from {self.least:g} to {self.most:g} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Choice:
    """A text of a file that is one of a few."""

    about: str
    among: tuple[str, ...]

    def check(self, value: Any, where: str) -> str:
        """The value; ConfigError, with what there is, where it is none of them."""
        if value not in self.among:
            raise ConfigError(f"{where} = {value!r} cannot be: {self.wanted}")
        return str(value)

    @property
    def wanted(self) -> str:
        """The meaning with what there is."""
        return f"{self.about}, one of {', '.join(map(repr, self.among))}"


@dataclass(frozen=True, slots=True)
class Truth:
    """A value of a file that is true or false."""

    about: str

    def check(self, value: Any, where: str) -> bool:
        """The value; ConfigError where it is neither."""
        if not isinstance(value, bool):
            raise ConfigError(f"{where} = {value!r} cannot be: {self.wanted}")
        return value

    @property
    def wanted(self) -> str:
        """The meaning."""
        return f"{self.about}, true or false"


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a file."""

    about: str

    def check(self, value: Any, where: str) -> str:
        """The value; ConfigError where it is no text."""
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{where} = {value!r} cannot be: {self.wanted}")
        return value

    @property
    def wanted(self) -> str:
        """The meaning."""
        return f"{self.about}, a text"


Told = Constant | Choice | Truth | Text


def constant(about: str, unit: str, least: float, most: float) -> Any:
    """A field of a dataclass that is a number of a file."""
    return field(metadata={"told": Constant(about, unit, least, most)})


def choice(about: str, among: tuple[str, ...]) -> Any:
    """A field of a dataclass that is a text of a file, one of a few."""
    return field(metadata={"told": Choice(about, among)})


def truth(about: str) -> Any:
    """A field of a dataclass that is true or false in a file."""
    return field(metadata={"told": Truth(about)})


def text(about: str) -> Any:
    """A field of a dataclass that is a text of a file."""
    return field(metadata={"told": Text(about)})


def read_table(kind: type[T], table: Any, file: str, name: str = "") -> T:
    """A dataclass whose fields are values of a file, or tables of them, from the table `name` of a file.

    What has a default may be missing. Raises ConfigError, with the file and the key, for a key that is missing without
    one, unknown, or of a value that cannot be.
    """
    if not isinstance(table, Mapping):
        raise ConfigError(f"{file}: {name} = {table!r} cannot be: it is a table of constants")
    assert is_dataclass(kind)
    named = {f.name: f for f in fields(kind) if f.init}
    for key in table:
        if key not in named:
            raise ConfigError(f"{file}: {_key(name, key)} is not a constant; there are: {', '.join(named)}")
    types, out = get_type_hints(kind), {}
    for key, f in named.items():
        told: Told | None = f.metadata.get("told")
        if key not in table:
            if f.default is MISSING:
                raise ConfigError(f"{file}: {_key(name, key)} is missing: {told.wanted if told else 'a table'}")
        elif told is not None:
            out[key] = told.check(table[key], f"{file}: {_key(name, key)}")
        else:
            out[key] = read_table(types[key], table[key], file, _key(name, key))
    try:
        return kind(**out)
    except ConfigError as error:  # constants that contradict one another
        raise ConfigError(f"{file}: {error}") from None


def _key(table: str, key: str) -> str:
    return f"{table}.{key}" if table else key
