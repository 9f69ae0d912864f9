"""A reader of a source: load its items, and make training rows of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.questions.question import text_id
from mcqa_suite.training_data.sources.spec import MixEntry

Row = dict[str, str]
SPLIT_KEYS = ("split", "pool", "pool_shares", "pool_counts")
S = TypeVar("S", bound=MixEntry)


class Identity(NamedTuple):
    """The id of an item, the group of all items with the same question, and the topic ("" for none)."""

    id: str
    group: str
    topic: str = ""


def group_of(stem: str, *options: str) -> str:
    """The group of a question; case, white space and the order of the options do not change it."""
    stem, *options_ = (" ".join(text.split()).casefold() for text in (stem, *options))
    return text_id(stem, *sorted(options_))


def as_texts(item: tuple[str, ...]) -> tuple[str, ...]:
    """The style of a source whose items are the texts of its rows."""
    return item


@dataclass(frozen=True)
class Reader(Generic[S]):
    """`load` returns the items of a source in the source's order; a style makes the texts of a row from an item.

    The texts are prompt and completion, or prompt, chosen and rejected. The first style is the default. `keys` are the optional
    keys of the source that this reader accepts. With `own_splits`, the data set has splits and `load` reads the one that `split`
    names; otherwise groups are divided into splits.
    """

    load: Callable[[S], Iterable[tuple[Identity, Any]]]
    styles: Mapping[str, Callable[[Any], tuple[str, ...]]]
    keys: tuple[str, ...] = ()
    own_splits: bool = False

    def rows(self, source: S) -> list[Row]:
        style = getattr(source, "style", None) or next(iter(self.styles))
        check_choice("style", style, self.styles)
        rows = []
        for identity, item in self.load(source):
            texts = self.styles[style](item)
            names = ("prompt", "completion") if len(texts) == 2 else ("prompt", "chosen", "rejected")
            row = {"id": identity.id, "group": identity.group, "source": source.source, "topic": identity.topic}
            rows.append(row | dict(zip(names, texts, strict=True)))
        return rows


def required(source: MixEntry, key: str, hint: str) -> Any:
    """The value of a key; ConfigError with the `hint` where there is none."""
    if not (value := getattr(source, key)):
        raise ConfigError(f"source {source.source!r}: no {key!r}; {hint}")
    return value


def check_choice(name: str, value: str, allowed: Collection[str]) -> None:
    """ConfigError for a `value` that is not `allowed`."""
    if value not in allowed:
        raise ConfigError(f"unknown {name} {value!r}; expected one of {', '.join(allowed)}")
