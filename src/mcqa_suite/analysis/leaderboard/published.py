"""Published scores that stand beside runs in a leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from mcqa_suite.common.config import STRICT, parse, read_yaml

Percent = Annotated[float, Field(ge=0, le=100)]


@dataclass(frozen=True, config=STRICT)
class PublishedModel:
    """`scores`: a task or group -> its published score in %. `source` says where it stands; None: where the file says.

    `reward_accuracy` is the share of preference pairs, in %, whose chosen answer has the larger reward.
    """

    model: str
    scores: Mapping[str, Percent] = field(default_factory=dict)
    source: str | None = None
    reward_accuracy: Percent | None = None


@dataclass(frozen=True, config=STRICT)
class _File:
    models: Annotated[tuple[PublishedModel, ...], Field(min_length=1)]
    source: str | None = None

    def __post_init__(self) -> None:
        if empty := [one.model for one in self.models if not one.scores and one.reward_accuracy is None]:
            raise ValueError(f"model {empty[0]!r}: no score; give 'scores' or 'reward_accuracy'")
        if nameless := [one.model for one in self.models if not (one.source or self.source)]:
            raise ValueError(f"model {nameless[0]!r}: no source; say where the scores were published")


def read_published(path: Path) -> tuple[PublishedModel, ...]:
    """The models of a YAML file with the keys `source` and `models`. ConfigError names what is wrong in it."""
    file = parse(_File, read_yaml(path), str(path))
    return tuple(replace(one, source=one.source or file.source) for one in file.models)
