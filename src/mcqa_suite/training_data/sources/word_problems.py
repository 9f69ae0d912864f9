"""Problems with a short answer instead of options: GSM8K, GSM-Symbolic, this project's own templates, counting, TheoremQA."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.jsonl import numbered_rows
from mcqa_suite.extract import gold_number
from mcqa_suite.questions import gsm8k, prompts
from mcqa_suite.questions.gsm8k import WordProblem
from mcqa_suite.questions.question import Row, text_id
from mcqa_suite.training_data.sources import counting, hub
from mcqa_suite.training_data.sources.source import Identity, Reader, Source, check_choice, group_of, required

GSM_SYMBOLIC = ("main", "p1", "p2")
Item = tuple[Identity, WordProblem]


def from_gsm8k(row: Row) -> Item:
    problem = gsm8k.from_gsm8k(row)
    return Identity(problem.id, group_of(problem.question)), problem


def from_theorem_qa(row: Row) -> Item:
    """TIGER-Lab/TheoremQA: Question, Answer, Answer_type (bool, integer, float, list of ..., option)."""
    question, answer = row["Question"].strip(), str(row["Answer"]).strip()
    if not question or not answer:
        raise ValueError("the question or the answer is blank")
    problem = WordProblem(f"theorem_qa/{text_id(question, answer)}", question, "", answer)
    return Identity(problem.id, group_of(question), row["Answer_type"]), problem


def _gsm8k(source: Source) -> list[Item]:
    if source.path:
        return _of_file(source, "question and answer, as GSM8K has them", from_gsm8k)
    rows = hub.load("openai/gsm8k", source.config or "main", source.split or "train", source.data)
    return hub.parsed("openai/gsm8k", rows, from_gsm8k)


def _gsm_symbolic(source: Source) -> list[Item]:
    """All instances of a template are one group."""
    config = source.config or "main"
    check_choice("config of source 'gsm_symbolic'", config, GSM_SYMBOLIC)

    def parse(row: Row) -> Item:
        problem = gsm8k.from_gsm_symbolic(row, f"gsm_symbolic_{config}")
        return Identity(problem.id, f"gsm_symbolic/{row['id']}", config), problem

    if source.path:
        return _of_file(source, "id, instance, question and answer, as GSM-Symbolic has them", parse)
    return hub.parsed("apple/GSM-Symbolic", hub.from_hub("apple/GSM-Symbolic", config, "test"), parse)


def _of_file(source: Source, columns: str, parse: Callable[[Row], Item]) -> list[Item]:
    """The problems of a JSONL file, all of them; DatasetError names the file and the line of one that is none."""
    if source.data or (source.source == "gsm8k" and source.split):
        key = "data" if source.data else "split"
        raise ConfigError(
            f"source {source.source!r}: both {key!r} and 'path'; the file is read whole, so remove {key!r}"
        )
    items = []
    for number, row in numbered_rows(Path(str(source.path)), "a JSONL file"):
        try:
            if wrong := [key for key in ("question", "answer") if key in row and not isinstance(row[key], str)]:
                raise ValueError(f"{wrong[0]!r} is {type(row[wrong[0]]).__name__}, expected text")
            items.append(parse(row))
        except KeyError as error:
            raise DatasetError(f"{source.path}:{number}: no key {error}; a row has {columns}") from error
        except ValueError as error:
            raise DatasetError(f"{source.path}:{number}: {error}; a row has {columns}") from error
    return items


def _symbolic_local(source: Source) -> Iterator[Item]:
    """Instances of this project's templates, or of those in the folder `path`, with numbers that no evaluation task has."""
    from mcqa_suite import symbolic

    n = required(source, "n", "say how many problems to draw")
    for row in symbolic.rows([source.config or symbolic.VARIANTS[0]], n=n, seed=source.seed, folder=source.path):
        problem = WordProblem(row["id"], row["question"], row["solution"], gold_number(row["gold"]))
        yield Identity(row["id"], f"symbolic_local/{row['template']}", row["variant"]), problem


def _theorem_qa(source: Source) -> list[Item]:
    """The problems without a picture; a text model cannot see pictures."""
    from datasets import Image

    name = "TIGER-Lab/TheoremQA"
    rows = hub.from_hub(name, source.config, "test")
    if isinstance(rows.features.get("Picture"), Image):
        rows = rows.cast_column("Picture", Image(decode=False))
    if "Picture" in rows.column_names:
        rows = rows.filter(lambda picture: picture is None, input_columns="Picture")
    return hub.parsed(name, rows, from_theorem_qa)


def _official(problem: WordProblem) -> tuple[str, str]:
    """As the math tasks ask: the protocol of GSM-Symbolic without examples."""
    return prompts.math(problem.question), f" {prompts.math_solution(problem.plain_solution, problem.gold)}"


def _final_answer(problem: WordProblem) -> tuple[str, str]:
    """As the tasks `_final_answer` ask."""
    return prompts.final_answer(
        problem.question
    ), f" {prompts.final_answer_solution(problem.plain_solution, problem.gold)}"


STYLES = {"official": _official, "final_answer": _final_answer}
SYSTEM = {"official": prompts.MATH_INSTRUCTION}
WORD_PROBLEMS = {
    "gsm8k": Reader(_gsm8k, STYLES, ("config", "data", "path"), "own", SYSTEM),
    # The data set has one split; `split: train` is the part of its templates for training.
    "gsm_symbolic": Reader(_gsm_symbolic, STYLES, ("config", "path"), "made", SYSTEM),
    "counting": Reader(counting.load, STYLES, ("config",), None, SYSTEM),
    "symbolic_local": Reader(_symbolic_local, STYLES, ("config", "path"), None, SYSTEM),
    "theorem_qa": Reader(_theorem_qa, STYLES, ("config",), "made", SYSTEM),
}
