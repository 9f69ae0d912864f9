"""Problems with a short answer that is no option: GSM8K, GSM-Symbolic, our own templates and TheoremQA."""

from __future__ import annotations

from dataclasses import dataclass

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.extract import gold_number
from mcqa_suite.questions import gsm8k, prompts
from mcqa_suite.questions.question import Row, text_id
from mcqa_suite.training_data.sources import hub
from mcqa_suite.training_data.sources.adaptor import PARTS, Adaptor, Identity, group_of, known
from mcqa_suite.training_data.sources.spec import Source

INSTRUCTION = "Solve the following math problem step by step, and provide the final numeric answer."
GSM_SYMBOLIC = ("main", "p1", "p2")


@dataclass(frozen=True)
class Problem:
    """A question, its worked solution (or ""), and its answer; a number is written in its canonical form, "1080"."""

    identity: Identity
    question: str
    solution: str
    answer: str


def from_gsm8k(row: Row) -> Problem:
    """openai/gsm8k; the group is the question's own words."""
    problem = gsm8k.from_gsm8k(row)
    return _of(problem, group_of(problem.question), "")


def from_gsm_symbolic(row: Row, config: str) -> Problem:
    """apple/GSM-Symbolic; all instances of a template are one group."""
    problem = gsm8k.from_gsm_symbolic(row, f"gsm_symbolic_{config}")
    return _of(problem, f"gsm_symbolic/{row['id']}", config)


def _of(problem: gsm8k.WordProblem, group: str, topic: str) -> Problem:
    return Problem(Identity(problem.id, group, topic), problem.question, problem.plain_solution, problem.gold)


def from_theorem_qa(row: Row) -> Problem:
    """TIGER-Lab/TheoremQA: Question, Answer, Answer_type (bool, integer, float, list of ..., option)."""
    question, answer = row["Question"].strip(), str(row["Answer"]).strip()
    if not question or not answer:
        raise ValueError("the question or the answer is blank")
    return Problem(
        Identity(f"theorem_qa/{text_id(question, answer)}", group_of(question), row["Answer_type"]),
        question,
        "",
        answer,
    )


def _gsm8k(source: Source) -> list[Problem]:
    rows = hub.load("openai/gsm8k", source.config or "main", source.split or "train")
    return hub.parsed("openai/gsm8k", rows, from_gsm8k)


def _gsm_symbolic(source: Source) -> list[Problem]:
    config = source.config or "main"
    known("config of source 'gsm_symbolic'", config, GSM_SYMBOLIC)
    rows = hub.load("apple/GSM-Symbolic", config, "test")
    return hub.parsed("apple/GSM-Symbolic", rows, lambda row: from_gsm_symbolic(row, config))


def _symbolic_local(source: Source) -> list[Problem]:
    """Instances of the templates written for this project, with numbers that no task asks."""
    from mcqa_suite import symbolic

    if not source.n:
        raise ConfigError("source 'symbolic_local': no 'n'; say how many problems to draw")
    variant = source.config or symbolic.VARIANTS[0]
    return [
        Problem(
            Identity(row["id"], f"symbolic_local/{row['template']}", row["variant"]),
            row["question"],
            row["solution"],
            gold_number(row["gold"]),
        )
        for row in symbolic.rows([variant], n=source.n, seed=source.seed)
    ]


def _theorem_qa(source: Source) -> list[Problem]:
    """Problems that show a picture are left out: there is no text to learn them from."""
    from datasets import Image

    name = "TIGER-Lab/TheoremQA"
    rows = hub.load(name, source.config, "test")
    if isinstance(rows.features.get("Picture"), Image):
        rows = rows.cast_column("Picture", Image(decode=False))
    if "Picture" in rows.column_names:
        rows = rows.filter(lambda picture: picture is None, input_columns="Picture")
    return hub.parsed(name, rows, from_theorem_qa)


def _worked(problem: Problem, ending: str) -> str:
    return f" {f'{problem.solution} {ending}'.lstrip()}"


def _official(problem: Problem) -> tuple[str, str]:
    """As the math tasks ask and read it: the protocol of GSM-Symbolic."""
    return prompts.math(problem.question), _worked(problem, f"The final answer is {problem.answer}.")


def _final_answer(problem: Problem) -> tuple[str, str]:
    return f"{INSTRUCTION}\n\n{problem.question}\n\nSolution:", _worked(problem, f"Final answer: {problem.answer}.")


STYLES = {"official": _official, "final_answer": _final_answer}


def _identity(problem: Problem) -> Identity:
    return problem.identity


PROBLEMS = {
    "gsm8k": Adaptor(_gsm8k, _identity, STYLES, ("config", "split"), own_splits=True),
    # One split each: training on a part of it asks for `split: train`, which shares no template with the other two.
    "gsm_symbolic": Adaptor(_gsm_symbolic, _identity, STYLES, ("config", *PARTS)),
    "symbolic_local": Adaptor(_symbolic_local, _identity, STYLES, ("config",)),
    "theorem_qa": Adaptor(_theorem_qa, _identity, STYLES, ("config", *PARTS)),
}
