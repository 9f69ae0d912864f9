"""The Gradio app of `mcqa ask`. It shares nothing, and loads and sends nothing outside of its own address."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from mcqa_suite.common.errors import McqaError
from mcqa_suite.common.extras import installed
from mcqa_suite.evaluation.ask import page, question
from mcqa_suite.evaluation.ask.explained import METHODS, explained
from mcqa_suite.evaluation.ask.model import Model
from mcqa_suite.questions.question import LETTERS, Question
from mcqa_suite.reporting.templating import source

MOST_TOKENS = 256  # of a written answer, to begin with
FONTS = ["system-ui", "sans-serif"]  # of the reader's machine; Gradio's own come from another host
Row = tuple[Any, ...]


def build(models: Sequence[Model], task: str) -> Any:
    """The app, a `gradio.Blocks`: a question for all models at once, drawn from `task` to begin with."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio

    answers = Answers(models)
    with gradio.Blocks(title="mcqa ask", analytics_enabled=False) as app:
        gradio.Markdown("## Ask " + ("a model" if len(models) == 1 else "two models"))
        with gradio.Row():
            names = sorted({*question.benchmarks(), task})
            benchmark = gradio.Dropdown(names, value=task, label="Task, whose prompts are used", elem_id="ask-task")
            number = gradio.Number(
                None, precision=0, minimum=0, label="Document (empty: at random)", elem_id="ask-number"
            )
            draw = gradio.Button("Draw a question", elem_id="ask-draw")
        stem = gradio.Textbox(label="Question", lines=3, max_lines=12, elem_id="ask-stem")
        with gradio.Row():
            options = gradio.Textbox(
                label="Options, one a line (⏎ for a line break in an option)",
                lines=4,
                max_lines=26,
                scale=3,
                elem_id="ask-options",
            )
            right = gradio.Textbox(label="Right option (if known)", max_lines=1, elem_id="ask-right")
        with gradio.Row():
            ask = gradio.Button("Ask", variant="primary", elem_id="ask-ask")
            shuffle = gradio.Button("Shuffle the options", elem_id="ask-shuffle")
        scores = gradio.HTML(elem_id="ask-scores", apply_default_css=False)
        with gradio.Row():
            write = gradio.Button("Let it write", elem_id="ask-write")
            most = gradio.Slider(
                16, 1024, MOST_TOKENS, step=16, label="Tokens at most (mcqa eval: 1024)", elem_id="ask-most"
            )
        written = gradio.HTML(elem_id="ask-written", apply_default_css=False)
        with gradio.Row():
            explain = gradio.Button("Which words moved it?", elem_id="ask-explain", interactive=installed("captum"))
            method = gradio.Dropdown(list(METHODS), value=next(iter(METHODS)), label="Method", elem_id="ask-method")
            format = gradio.Radio(["letter", "cloze"], value="letter", label="Scored by", elem_id="ask-format")
        explanation = gradio.HTML(elem_id="ask-explanation", apply_default_css=False)
        typed, later = [benchmark, stem, options, right], [written, explanation]
        draw.click(answers.drawn, [benchmark, number], [stem, options, right, scores, *later])
        ask.click(answers.asked, typed, [scores, *later])
        shuffle.click(answers.shuffled, typed, [options, right, scores, *later])
        write.click(answers.written, [*typed, most], written)
        explain.click(answers.explained, [*typed, format, method], explanation)
    return app


def launch(app: Any, port: int, address: str = "127.0.0.1", *, wait: bool = True) -> str:
    """Serve the app until it is interrupted (with `wait`), and return its address."""
    import gradio

    _, url, _ = app.launch(
        server_name=address,
        server_port=port,
        share=False,
        quiet=True,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        footer_links=[],
        theme=gradio.themes.Base(font=FONTS, font_mono=["monospace"]),
        css=source("ask.css") + source("explanation.css"),
        prevent_thread_lock=True,
    )
    if wait:
        print(f"mcqa ask: {url} (Ctrl-C ends it)", flush=True)
        app.block_thread()
    return str(url)


class Answers:
    """What the buttons do with the models. An error is a line in the place of the answer."""

    def __init__(self, models: Sequence[Model]) -> None:
        self.models = models

    def drawn(self, benchmark: str, number: float | None) -> Row:
        """Question, options, right option, scores, and nothing below them."""

        def draw() -> Row:
            drawn = question.drawn(benchmark, None if number is None else int(number))
            return drawn.stem, *_options(drawn), self._scores(benchmark, drawn, has_right=True), "", ""

        return _or_problem(draw, 3, 2)

    def asked(self, benchmark: str, stem: str, options: str, right: str) -> Row:
        """Scores, and nothing below them."""

        def ask() -> Row:
            typed = question.typed(stem, options, right)
            return self._scores(benchmark, typed, has_right=bool(right.strip())), "", ""

        return _or_problem(ask, 0, 2)

    def shuffled(self, benchmark: str, stem: str, options: str, right: str) -> Row:
        """Options, right option, scores, and nothing below them."""

        def shuffle() -> Row:
            other, has_right = question.shuffled(question.typed(stem, options, right)), bool(right.strip())
            lines, letter = _options(other)
            return lines, letter if has_right else "", self._scores(benchmark, other, has_right=has_right), "", ""

        return _or_problem(shuffle, 2, 2)

    def written(self, benchmark: str, stem: str, options: str, right: str, most: float) -> Any:
        """What each model writes."""

        def write() -> Row:
            typed = question.typed(stem, options, right)
            texts = [(model.name, question.written(model, benchmark, typed, int(most))) for model in self.models]
            return (page.written_html(texts),)

        return _or_problem(write, 0, 0)[0]

    def explained(self, benchmark: str, stem: str, options: str, right: str, format: Any, method: str) -> Any:
        """Which words moved the option that the first model chooses, for each model."""

        def explain() -> Row:
            typed = question.typed(stem, options, right)
            return (explained(self.models, benchmark, typed, format, method).html(data=False, style=False),)

        return _or_problem(explain, 0, 0)[0]

    def _scores(self, benchmark: str, shown: Question, *, has_right: bool) -> str:
        scores: list[tuple[str, page.Asked]] = [
            (model.name, {name: question.scored(model, benchmark, shown, name) for name in ("letter", "cloze")})
            for model in self.models
        ]
        return page.scores_html(shown, has_right, scores)


def _options(shown: Question) -> tuple[str, str]:
    return question.as_lines(shown), LETTERS[shown.gold[0]]


def _or_problem(work: Callable[[], Row], before: int, after: int) -> Row:
    """What `work` returns; for an error of a user the line in place of its main part, the parts before it unchanged."""
    import gradio

    try:
        return work()
    except McqaError as error:
        return (*(gradio.skip() for _ in range(before)), page.problem_html(str(error)), *("" for _ in range(after)))
