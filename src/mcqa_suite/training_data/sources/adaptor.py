"""What one source is: how its items are loaded, what identifies one, and the forms that an answer may take."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.questions.question import text_id
from mcqa_suite.training_data.sources.spec import PairSource, Source

Row = dict[str, str]
COMMON = ("source", "n", "share", "seed", "style")
PARTS = ("split", "pool", "pool_shares", "pool_counts")
T = TypeVar("T")


class Identity(NamedTuple):
    """An item's own id, the group that it shares with every item on the same question, and its topic or ""."""

    id: str
    group: str
    topic: str


def group_of(*texts: str) -> str:
    """The identity of a question: the same whatever its case, its white space and the order of its options."""
    stem, *options = (" ".join(text.split()).casefold() for text in texts)
    return text_id(stem, *sorted(options))


@dataclass(frozen=True)
class Adaptor(Generic[T]):
    """`load` gives the items of a source in its order; the first of `styles` is the one that no `style` means.

    `keys` are those of `Source` that it reads beside `COMMON`; any other is an error. `own_splits`: `split` is the data
    set's own, and `load` sees to it.
    """

    load: Callable[[Source], Sequence[T]]
    identity: Callable[[T], Identity]
    styles: Mapping[str, Callable[[T], tuple[str, str]]]
    keys: tuple[str, ...] = ()
    own_splits: bool = False

    def rows(self, source: Source) -> list[Row]:
        known("style", style := source.style or next(iter(self.styles)), self.styles)
        made = []
        for item in self.load(source):
            prompt, completion = self.styles[style](item)
            made.append(_row(source, self.identity(item)) | {"prompt": prompt, "completion": completion})
        return made


@dataclass(frozen=True)
class Pair:
    """Two responses to one prompt, the better one first."""

    identity: Identity
    prompt: str
    chosen: str
    rejected: str


@dataclass(frozen=True)
class PairAdaptor:
    """`load` gives the pairs of a source in its order, none of them equal; the rest as in `Adaptor`."""

    load: Callable[[PairSource], Sequence[Pair]]
    keys: tuple[str, ...] = ()
    own_splits: bool = False

    def rows(self, source: PairSource) -> list[Row]:
        return [
            _row(source, pair.identity)
            | {"prompt": pair.prompt, "chosen": spaced(pair.chosen), "rejected": spaced(pair.rejected)}
            for pair in self.load(source)
        ]


def _row(source: Source | PairSource, identity: Identity) -> Row:
    return {"id": identity.id, "group": identity.group, "source": source.source, "topic": identity.topic}


def spaced(response: str) -> str:
    """A response that begins with the space that parts it from a prompt."""
    return response if response[:1].isspace() else f" {response}"


def known(name: str, value: str, allowed: Collection[str]) -> None:
    """ConfigError for a `value` that is not `allowed`."""
    if value not in allowed:
        raise ConfigError(f"unknown {name} {value!r}; expected one of {', '.join(allowed)}")
