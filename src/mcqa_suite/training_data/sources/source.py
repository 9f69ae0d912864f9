"""A source of training rows: its entry in a YAML file, and the reader that makes the rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

import pydantic.dataclasses
from pydantic import Field

from mcqa_suite.common.chat_template import Format
from mcqa_suite.common.config import STRICT, Seed
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.foreign_text import encodable
from mcqa_suite.questions.bundle import Origin
from mcqa_suite.questions.question import text_id

Row = dict[str, str]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]


@pydantic.dataclasses.dataclass(frozen=True, config=STRICT)
class MixEntry:
    """A source of rows.

    `n` is the number of rows (None: all), `share` a share of the stage's `rows`; they are drawn with `seed`. `style` is the form
    of the answer, `config` a config of the data set. Where the data set has no splits, its groups are divided into `mix.SPLITS`,
    and `split` names one of these. Rows of more than `max_tokens` tokens are left out, once there is a tokenizer. `pool` names a
    part of `pool_shares` (their sum is 1; by default `mix.POOLS`) or of `pool_counts` (numbers of groups; None is all that
    remain). `data` says whether rows are the bundled ones or the hub's (None: the bundled ones where there are some).
    """

    source: str
    n: Count | None = None
    seed: Seed = 0
    path: str | None = None
    style: str | None = None
    config: str | None = None
    data: Origin | None = None
    share: Share | None = None
    max_tokens: Count | None = None
    split: str | None = None
    pool: str | None = None
    pool_shares: dict[str, Share] | None = None
    pool_counts: dict[str, Count | None] | None = None

    def __post_init__(self) -> None:
        for first, second in (("n", "share"), ("pool_shares", "pool_counts")):
            if getattr(self, first) and getattr(self, second):
                raise ValueError(f"source {self.source!r}: both {first!r} and {second!r}; give only one of them")
        if self.pool is None and (self.pool_shares or self.pool_counts):
            raise ValueError(
                f"source {self.source!r}: 'pool_shares' or 'pool_counts' without 'pool'; name one of the pools as 'pool'"
            )


@pydantic.dataclasses.dataclass(frozen=True, config=STRICT)
class Source(MixEntry):
    """Rows of prompts and completions for training or calibration, of a source in `sources.SOURCES`.

    `too_long: cut` cuts the end of a completion that goes beyond `max_tokens`, instead of leaving out the row.
    For grids, each task comes in `views` augmented views, with `swap` also with each demonstration in place of the test pair, and
    `encoder` writes a grid as text. With `op_replies` a ChangeMyView prompt shows the author's replies, and all other turns from
    the post to the argument.
    """

    too_long: Literal["drop", "cut"] | None = None
    views: Annotated[int, Field(ge=1, le=64)] | None = None
    swap: bool | None = None
    encoder: str | None = None
    op_replies: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.too_long and self.max_tokens is None:
            raise ValueError(f"source {self.source!r}: 'too_long' without 'max_tokens'; give the number of tokens")


@pydantic.dataclasses.dataclass(frozen=True, config=STRICT)
class PairSource(MixEntry):
    """Preference pairs of a source in `sources.PAIRS`.

    `epfl_raw` keeps a pair where at least `min_agreement` of the four criteria agree with `overall`; with `tolerance` a
    criterion that reads "AB" or "None" counts as agreeing. `keep_first` keeps the first pair of every question.
    """

    min_agreement: Annotated[int, Field(ge=0, le=4)] = 0
    tolerance: bool = False
    keep_first: bool = False


S = TypeVar("S", bound=MixEntry, contravariant=True)


class Identity(NamedTuple):
    """The id of an item, the group of all items with the same question, the topic and the pool ("" for none).

    Only a file that says from which pool its rows were drawn gives a pool. `more`: further keys of the row.
    """

    id: str
    group: str
    topic: str = ""
    pool: str = ""
    more: Mapping[str, str] = MappingProxyType({})


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
    keys of the source that this reader accepts, besides those of its `splits`: "own", where `load` reads the data set's split
    that the source names; "made", where groups are divided into splits and pools. `system` holds the instruction of a style
    whose task has a `description`.
    """

    load: Callable[[S], Iterable[tuple[Identity, Any]]]
    styles: Mapping[str, Callable[[Any], tuple[str, ...]]]
    keys: tuple[str, ...] = ()
    splits: Literal["own", "made"] | None = None
    system: Mapping[str, str] = field(default_factory=dict)

    def style_of(self, source: S) -> str:
        return source.style or next(iter(self.styles))

    def rows(self, source: S) -> list[Row]:
        style = self.style_of(source)
        check_choice("style", style, self.styles)
        rows = []
        for identity, item in self.load(source):
            texts = [encodable(text) for text in self.styles[style](item)]
            names = ("prompt", "completion") if len(texts) == 2 else ("prompt", "chosen", "rejected")
            row = {"id": identity.id, "group": identity.group, "source": source.source, "topic": identity.topic}
            row["format"] = format_of_style(style)
            if style in self.system:
                row["system"] = self.system[style]
            if identity.pool:
                row["pool"] = identity.pool
            rows.append(row | dict(identity.more) | dict(zip(names, texts, strict=True)))
        return rows


def format_of_style(style: str) -> Format:
    """The format of the task that asks as a style does; an answer in other words than the options' is a written one."""
    return "letter" if style == "letter" else "cloze" if style == "cloze" else "written"


def required(source: MixEntry, key: str, hint: str) -> Any:
    """The value of a key; ConfigError with the `hint` where there is none."""
    if not (value := getattr(source, key)):
        raise ConfigError(f"source {source.source!r}: no {key!r}; {hint}")
    return value


def check_choice(name: str, value: str, allowed: Collection[str]) -> None:
    """ConfigError for a `value` that is not `allowed`."""
    if value not in allowed:
        raise ConfigError(f"unknown {name} {value!r}; expected one of {', '.join(allowed)}")
