"""Responses in which another reader of answers reads something else than this suite."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.analysis.disagreements import disagreement, with_readers
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.extras import naming_extras
from mcqa_suite.common.files import write_files
from mcqa_suite.logs.log_row import Columns
from mcqa_suite.logs.responses import Answer, ReadResponse, responses_of

if TYPE_CHECKING:
    import pandas as pd

READERS = ("lm-eval", "math-verify", "judge")


@dataclass(frozen=True, eq=False)
class DisagreementsResult:
    """All responses with the answers of every reader; `listed` are those on which the readers disagree."""

    responses: tuple[ReadResponse, ...]

    @property
    def listed(self) -> tuple[ReadResponse, ...]:
        return tuple(response for response in self.responses if disagreement(response))

    def to_frame(self) -> pd.DataFrame:
        """A row for each response: id, set, kind, one column a reader, and how they disagree (None: they agree)."""
        import pandas as pd

        return pd.DataFrame(
            [
                {"id": response.id, "set": response.set, "kind": response.kind, **response.readers}
                | {"disagreement": disagreement(response)}
                for response in self.responses
            ]
        )

    def text(self) -> str:
        """Counts and examples as Markdown."""
        from mcqa_suite.reporting.disagreements import text

        return text(self.responses)

    def save(self, folder: str | Path) -> None:
        """Write the listed responses: disagreements.jsonl to label, and disagreements.html."""
        from mcqa_suite.reporting.disagreements import page

        lines = "".join(json.dumps(response.row, ensure_ascii=False) + "\n" for response in self.listed)
        files = [("disagreements.jsonl", lines), ("disagreements.html", page(self.responses))]
        write_files(Path(folder), files)


@naming_extras
def disagreements(
    *samples: str | Path,
    readers: Sequence[str],
    judge: str | None = None,
    judge_model: str | None = None,
    verdicts: str | Path = "verdicts.jsonl",
    parallel: int = 8,
    columns: Columns = Columns(),  # noqa: B008  (frozen)
    report: Callable[[str], object] = lambda line: None,
) -> DisagreementsResult:
    """Read the responses of logs or folders with other readers: "lm-eval" (filters of its tasks), "math-verify", "judge".

    `judge` is the URL of an OpenAI-compatible server; its replies are appended to the file `verdicts`, and the same call
    resumes from it. `report` receives a line for each log that is skipped. Raises McqaError.
    """
    if unknown := [name for name in readers if name not in READERS]:
        raise ConfigError(f"reader {unknown[0]!r}: expected one of {', '.join(READERS)}")
    if ("judge" in readers) != bool(judge):
        raise ConfigError("give the URL of the judge (--judge)" if not judge else "--judge: needs --disagree judge")
    if parallel < 1:
        raise ConfigError(f"--parallel {parallel}: expected at least 1")
    responses = responses_of([Path(path) for path in samples], columns, report)
    answers: dict[str, dict[str, Answer]] = {}
    if "lm-eval" in readers:
        from mcqa_suite.harness.readers import read_by_lm_eval

        answers |= read_by_lm_eval(responses)
    if "math-verify" in readers:
        from mcqa_suite.harness.readers import read_by_math_verify

        answers |= read_by_math_verify(responses)
    if judge:
        from mcqa_suite.backend.endpoint import Endpoint
        from mcqa_suite.backend.judge import read_by_judge

        server = Endpoint(judge, judge_model)
        answers[f"judge {server.model}"] = read_by_judge(responses, server, Path(verdicts), parallel)
    return DisagreementsResult(tuple(with_readers(responses, answers)))
