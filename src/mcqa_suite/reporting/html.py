"""`mcqa report`: one self-contained HTML file that opens from disk."""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcqa_suite.analysis.compare import family_text, is_significant
from mcqa_suite.common.files import write_file, write_files
from mcqa_suite.reporting import board, provenance, tables, verdicts, views
from mcqa_suite.reporting import comparison_text as comparison
from mcqa_suite.reporting.browser.section import Browser, browser_section
from mcqa_suite.reporting.methods import methods
from mcqa_suite.reporting.page_data import Page, gather
from mcqa_suite.reporting.tables import number, p_value, percent, points
from mcqa_suite.reporting.training_logs import logs_of, read_curves

if TYPE_CHECKING:
    from mcqa_suite.reporting.figures import Plot

TEMPLATES = Path(__file__).parent / "templates"
MOST_SAMPLES = 4_000_000  # bytes: with all else a page stays under 5 MB


def write_report(
    given: Sequence[str],
    output: Path,
    *,
    base: str | None = None,
    noise_floor: str | None = None,
    figures: Path | None = None,
    tasks: str = "*",
    logs: Mapping[str, Path] | None = None,
    samples: int = MOST_SAMPLES,
) -> Page:
    """Reads the runs and writes the page (and the figures, as files); raises McqaError where nothing can be shown.

    `logs` are training logs by the name of the rung (default: those that stand beside the runs), `samples` the most bytes
    of samples to embed. What could not be read or paired is said on the page and in the returned `problems`.
    """
    page = gather(given, base=base, noise_floor=noise_floor, tasks=tasks)
    curves, unread = read_curves(logs_of(page.runs) if logs is None else logs)
    page = replace(page, curves=tuple(curves), problems=(*page.problems, *unread))
    from mcqa_suite.reporting.figures import draw, files

    plots = draw(page.report, page.runs, page.base, page.floor, page.summary, page.curves)
    write_file(output, render(page, plots, samples))
    if figures is not None:
        write_files(figures, files(plots))
    return page


def render(page: Page, plots: Sequence[Plot], most: int = MOST_SAMPLES) -> str:
    """The page's text."""
    import jinja2
    from markupsafe import Markup

    from mcqa_suite.reporting.figures import css_variables, inline

    samples = browser(page, most)
    # Files of this package alone, so that nothing a model wrote can be among what the policy lets run.
    styles = [css_variables() + (TEMPLATES / "page.css").read_text(encoding="utf-8")]
    scripts = [(TEMPLATES / "page.js").read_text(encoding="utf-8")]
    if samples:
        styles.append(samples.css)
        scripts.append(samples.script)
    environment = jinja2.Environment(
        autoescape=True,
        finalize=lambda value: _shown(value) if type(value) is str else value,
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "points": points,
        "percent": percent,
        "number": number,
        "p": p_value,
        "breakable": lambda text: Markup("_<wbr>").join(_shown(text).split("_")),
    }
    return environment.get_template("page.html.j2").render(
        page=page,
        policy=policy(styles, scripts),
        styles=[Markup(style) for style in styles],  # noqa: S704
        scripts=[Markup(script) for script in scripts],  # noqa: S704
        samples=samples and Markup(samples.html),  # noqa: S704
        data=samples and samples.data,
        plots=[(plot, inline(plot)) for plot in plots],
        methods=methods(page.report),
        meaning=verdicts.MEANING,
        **_context(page),
    )


def _shown(text: str) -> str:
    """Text as the page has it: a number keeps its %."""
    return views.clean(text).replace(" %", "\u00a0%")


def _context(page: Page) -> dict[str, Any]:
    origins = {run.name: provenance.origin(run) for run in page.runs}
    context: dict[str, Any] = {"origins": list(origins.values()), "verdicts": [], "checks": [], "others": []}
    context |= {"tables": [], "remarks": [], "board": None, "copies": {}}
    if page.summary:
        shown = board.board(page.summary, page.report, page.base.name if page.base else None, page.floor)
        table = board.board_table(shown)
        csv_text = board.board_csv(page.summary, page.report)
        copies = {"Markdown": tables.markdown(table), "LaTeX": tables.latex(table), "CSV": csv_text}
        context |= {"board": shown, "copies": copies}
    if page.report and page.base:
        others = [run for run in page.runs if run is not page.base]
        wrong = provenance.mismatched(page.base, others)
        tops = views.headlines(page.report)
        context |= {
            "verdicts": verdicts.verdicts(page.report, wrong),
            "checks": provenance.checklist(page.report, page.base, others, origins),
            "others": [page.base, *others],
            "tables": [(rows, views.parts_of(page.report, rows)) for rows in tops],
            "remarks": [(title, lines) for title, lines in comparison.remarks(page.report) if lines],
            "significant": is_significant,
            "families": family_text(page.report.families),
        }
    return context


def browser(page: Page, most: int = MOST_SAMPLES) -> Browser | None:
    """The samples, side by side, where there is something to show."""
    if not page.runs:
        return None
    shown = [run for run in page.runs if run is not page.floor]
    return browser_section(shown, page.base.name if page.base else None, size_limit=most)


def policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """The content security policy: nothing is loaded, and of scripts and styles those alone whose hash is here."""
    return (
        f"default-src 'none'; style-src {' '.join(map(digest, styles))}; script-src {' '.join(map(digest, scripts))}; "
        "base-uri 'none'; form-action 'none'"
    )


def digest(text: str) -> str:
    """A text's hash as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def report_command(given: Sequence[str], output: Path, *, figures: Path | None, **options: Any) -> int:
    """Writes the page and says where; returns 2 where something could not be read, which the page shows too."""
    page = write_report(given, output, figures=figures, **options)
    size = output.stat().st_size / 1e6
    print(f"{output}: {len(page.runs)} runs, {size:.2f} MB" + (f"; figures in {figures}" if figures else ""))
    if page.report is None:
        print("no comparison: give the run to compare with as --base" if page.base is None else "nothing but the base")
    for problem in page.problems:
        print(f"mcqa: {problem}", file=sys.stderr)
    return 2 if page.problems else 0
