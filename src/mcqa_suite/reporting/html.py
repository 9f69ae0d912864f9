"""`mcqa report`: render one self-contained HTML file that opens from disk."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.analysis.compare import MEANING, Options, family_text, is_significant
from mcqa_suite.analysis.compare.measure import RESAMPLES, SEED
from mcqa_suite.common.files import write_file, write_files
from mcqa_suite.reporting import audits, comparison_text, leaderboard, lineage_tree, provenance, task_settings
from mcqa_suite.reporting.browser.section import browser_section
from mcqa_suite.reporting.matrix import significance, tip
from mcqa_suite.reporting.page_data import Page, gather
from mcqa_suite.reporting.page_views import changes_of, other_entries, shown_view, subtitle, titles
from mcqa_suite.reporting.slides import slides
from mcqa_suite.reporting.speed_table import speed_table
from mcqa_suite.reporting.templating import source, template

if TYPE_CHECKING:
    from mcqa_suite.logs.runs import Run
    from mcqa_suite.reporting.explanation import Explanation
    from mcqa_suite.reporting.figures import Plot

MOST_SAMPLE_BYTES = 4_000_000  # the rest of a page takes less than 1 MB


def write_report(
    runs: Sequence[str],
    output: Path,
    *,
    base: str | None = None,
    noise_floor: str | None = None,
    figures: Path | None = None,
    options: Options = Options(),  # noqa: B008  (frozen)
    subset: Path | None = None,
    logs: Mapping[str, Path] | None = None,
    sample_bytes: int = MOST_SAMPLE_BYTES,
    recipe: str = "",
    explanations: Sequence[Path] = (),
) -> Page:
    """Read the runs and write the page to `output`, and the figures as files to the folder `figures`.

    The runs are compared with `options`; settings that differ never stop the comparison. `subset` is the clean.json of an
    audit. `logs` maps rungs to training logs (default: the logs beside the runs). `sample_bytes` limits the embedded samples.
    `recipe` is the name of the recipe that made the models, for the title. `explanations` are files of `mcqa explain`, shown with
    their questions; ConfigError for one of other documents, prompts or models than these runs have.
    The page and the returned `problems` list what could not be read or paired; McqaError where there is nothing to show.
    """
    page = gather(runs, base=base, noise_floor=noise_floor, options=options, subset=subset)
    from mcqa_suite.reporting.figures import draw, files
    from mcqa_suite.reporting.figures.training import logs_of, read_curves

    curves, errors = read_curves(logs_of(page.runs) if logs is None else logs)
    page = replace(page, problems=(*page.problems, *errors), recipe=recipe)
    explained = explanations_of(explanations, page.runs) if explanations else []
    plots = draw(page, curves)
    write_file(output, render(page, plots, sample_bytes, explained))
    if figures is not None:
        write_files(figures, files([plot for _, plot in plots]), flag="--figures")
    return page


def render(
    page: Page,
    plots: Sequence[tuple[int | None, Plot]],
    sample_bytes: int = MOST_SAMPLE_BYTES,
    explanations: Sequence[Explanation] = (),
) -> str:
    """The HTML of the page, with at most `sample_bytes` of samples. A figure of a view has its number."""
    from mcqa_suite.reporting.figures import MAIN, css_variables, inline

    shown = [run for run in page.runs if run is not page.floor]
    base_name = page.base.name if page.base else None
    parents = [comparison.parents for comparison, _board in page.views]
    browser = browser_section(shown, base_name, metric=page.metric, size_limit=sample_bytes, parents=parents)
    # The policy allows only these files of the package: no script or style that a model wrote can run.
    styles, scripts = [css_variables() + source("page.css")], [source("page.js")]
    if browser:
        styles.append(browser.css)
        scripts.append(browser.script)
    if explanations:
        styles.append(source("explanation.css"))
    origins = {run.name: provenance.origin(run) for run in page.runs}
    views = [shown_view(page, comparison, board) for comparison, board in page.views]
    model, title = titles(page)
    drawn = [(view, plot, inline(plot)) for view, plot in plots]
    return template("page.html.j2").render(
        page=page,
        report=page.report,
        base_name=base_name,
        model=model,
        title=title,
        subtitle=subtitle(page, [origin.facts.get("date", "") for origin in origins.values()]),
        tree=lineage_tree.tree(page),
        score_title=lineage_tree.score_title(page.board) if page.board else "",
        views=views,
        changes=lambda row, column: changes_of(views, row, column),
        other_entries=lambda row: other_entries(page, row),
        slides=slides,
        meanings=MEANING,
        board=page.board,
        speeds=speed_table(page.board) if page.board else None,
        others=[run for run in page.runs if run is not page.base],
        origins=origins,
        policy=policy(styles, scripts),
        styles=styles,
        scripts=scripts,
        samples=browser,
        explanations=explanations,
        plots=[figure for figure in drawn if figure[1].name.startswith(MAIN)],
        folded=[figure for figure in drawn if not figure[1].name.startswith(MAIN)],
        leaderboard=leaderboard,
        provenance=provenance,
        audits=audits,
        task_settings=task_settings,
        significant=is_significant,
        significance=significance,
        tip=tip,
        families=family_text(page.report.families) if page.report else "",
        clusters=comparison_text.cluster_lines(page.report) if page.report else [],
        resamples=RESAMPLES,
        seed=SEED,
    )


def explanations_of(paths: Sequence[Path], runs: Sequence[Run]) -> list[Explanation]:
    """The explanations in files of `mcqa explain`; ConfigError for one that is not of a document of these runs."""
    from mcqa_suite.reporting.explanation import check_runs, read_explanation

    explanations = [read_explanation(path) for path in paths]
    for path, explanation in zip(paths, explanations, strict=True):
        check_runs(explanation, runs, f"--explain {path}")
    return explanations


def policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """The content security policy: load nothing, and run only these scripts and styles, by their hashes."""
    return (
        f"default-src 'none'; style-src {' '.join(map(digest, styles))}; script-src {' '.join(map(digest, scripts))}; "
        "base-uri 'none'; form-action 'none'"
    )


def digest(text: str) -> str:
    """The hash of a script or style, in the syntax of a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
