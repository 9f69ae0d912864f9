"""Readers of sources: the items of a source, and the training rows that they become."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.questions.question import text_id
from mcqa_suite.training_data.sources.spec import MixEntry, PairSource, Source

Row = dict[str, str]
SPLIT_KEYS = ("split", "pool", "pool_shares", "pool_counts")
T = TypeVar("T")


class Identity(NamedTuple):
    """An item's own id, the group that it shares with every item on the same question, and its topic or ""."""

    id: str
    group: str
    topic: str = ""


def group_of(stem: str, *options: str) -> str:
    """The group of a question: the same whatever its case, its white space and the order of its options."""
    stem, *options_ = (" ".join(text.split()).casefold() for text in (stem, *options))
    return text_id(stem, *sorted(options_))


@dataclass(frozen=True)
class Reader(Generic[T]):
    """`load` gives a source's items in its own order; `styles` make prompt and completion of one, the first by default.

    `keys` are the optional keys of `Source` that it reads; any other is an error. `own_splits`: `split` is a split of the data
    set, which `load` reads; otherwise splits are made of the groups.
    """

    load: Callable[[Source], Iterable[tuple[Identity, T]]]
    styles: Mapping[str, Callable[[T], tuple[str, str]]]
    keys: tuple[str, ...] = ()
    own_splits: bool = False

    def rows(self, source: Source) -> list[Row]:
        check_choice("style", style := source.style or next(iter(self.styles)), self.styles)
        rows = []
        for identity, item in self.load(source):
            prompt, completion = self.styles[style](item)
            rows.append(_row(source, identity, prompt=prompt, completion=completion))
        return rows


@dataclass(frozen=True)
class PreferencePair:
    """Two responses to one prompt, the better one first."""

    identity: Identity
    prompt: str
    chosen: str
    rejected: str


@dataclass(frozen=True)
class PairReader:
    """`load` gives a source's pairs in its own order, none with equal responses; the rest as in `Reader`."""

    load: Callable[[PairSource], Iterable[PreferencePair]]
    keys: tuple[str, ...] = ()
    own_splits: bool = False

    def rows(self, source: PairSource) -> list[Row]:
        return [
            _row(
                source, pair.identity, prompt=pair.prompt, chosen=_spaced(pair.chosen), rejected=_spaced(pair.rejected)
            )
            for pair in self.load(source)
        ]


def _row(entry: MixEntry, identity: Identity, **texts: str) -> Row:
    return {"id": identity.id, "group": identity.group, "source": entry.source, "topic": identity.topic, **texts}


def _spaced(response: str) -> str:
    """The response with a space between it and the prompt."""
    return response if response[:1].isspace() else f" {response}"


def check_choice(name: str, value: str, allowed: Collection[str]) -> None:
    """ConfigError for a `value` that is not `allowed`."""
    if value not in allowed:
        raise ConfigError(f"unknown {name} {value!r}; expected one of {', '.join(allowed)}")
