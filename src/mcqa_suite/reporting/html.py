"""`mcqa report`: render one self-contained HTML file that opens from disk."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcqa_suite.analysis.compare import Options, family_text, is_significant
from mcqa_suite.analysis.compare.measure import RESAMPLES, SEED
from mcqa_suite.common.files import write_file, write_files
from mcqa_suite.reporting import comparison_text as comparison
from mcqa_suite.reporting import leaderboard, provenance, verdicts, views
from mcqa_suite.reporting.browser.section import browser_section
from mcqa_suite.reporting.page_data import Page, gather
from mcqa_suite.reporting.tables import number, p_value, percent, points

if TYPE_CHECKING:
    from mcqa_suite.reporting.figures import Plot

TEMPLATES = Path(__file__).parent / "templates"
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
) -> Page:
    """Read the runs and write the page to `output`, and the figures as files to the folder `figures`.

    The runs are compared with `options`; settings that differ never stop the comparison. `subset` is the clean.json of an
    audit. `logs` maps rungs to training logs (default: the logs beside the runs). `sample_bytes` limits the embedded samples.
    The page and the returned `problems` list what could not be read or paired; McqaError where there is nothing to show.
    """
    page = gather(runs, base=base, noise_floor=noise_floor, options=options, subset=subset)
    from mcqa_suite.reporting.figures import draw, files
    from mcqa_suite.reporting.figures.training import logs_of, read_curves

    curves, errors = read_curves(logs_of(page.runs) if logs is None else logs)
    page = replace(page, problems=(*page.problems, *errors))
    plots = draw(page, curves)
    write_file(output, render(page, plots, sample_bytes))
    if figures is not None:
        write_files(figures, files(plots), flag="--figures")
    return page


def render(page: Page, plots: Sequence[Plot], sample_bytes: int = MOST_SAMPLE_BYTES) -> str:
    """The HTML of the page, with at most `sample_bytes` of samples."""
    import jinja2
    from markupsafe import Markup

    from mcqa_suite.reporting.figures import css_variables, inline

    shown = [run for run in page.runs if run is not page.floor]
    browser = browser_section(shown, page.base.name if page.base else None, size_limit=sample_bytes)
    # The policy allows only these files of the package: no script or style that a model wrote can run.
    styles = [css_variables() + (TEMPLATES / "page.css").read_text(encoding="utf-8")]
    scripts = [(TEMPLATES / "page.js").read_text(encoding="utf-8")]
    if browser:
        styles.append(browser.css)
        scripts.append(browser.script)
    environment = jinja2.Environment(
        autoescape=True,
        finalize=lambda value: _displayed(value) if type(value) is str else value,
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
        "breakable": lambda text: Markup("_<wbr>").join(_displayed(text).split("_")),
    }
    return environment.get_template("page.html.j2").render(
        page=page,
        report=page.report,
        policy=policy(styles, scripts),
        styles=[Markup(style) for style in styles],  # noqa: S704
        scripts=[Markup(script) for script in scripts],  # noqa: S704
        samples=browser and Markup(browser.html),  # noqa: S704
        data=browser and browser.data,
        plots=[(plot, inline(plot)) for plot in plots],
        meaning=verdicts.MEANING,
        resamples=RESAMPLES,
        seed=SEED,
        **_context(page),
    )


def _displayed(text: str) -> str:
    """Clean text, with a non-breaking space between a number and its %."""
    return views.clean(text).replace(" %", "\u00a0%")


def _context(page: Page) -> dict[str, Any]:
    origins = {run.name: provenance.origin(run) for run in page.runs}
    context: dict[str, Any] = {
        "origins": list(origins.values()),
        "verdicts": [],
        "tables": [],
        "remarks": [],
        "board": None,
    }
    if page.board:
        styles = {"Markdown": "md", "LaTeX": "latex", "CSV": "csv"}
        context |= {
            "board": page.board,
            "copies": {name: leaderboard.FORMATS[style](page.board) for name, style in styles.items()},
            "references": leaderboard.references(page.board),
            "sizes": leaderboard.size_columns(page.board),
            "rank_text": leaderboard.rank_text,
            "board_notes": leaderboard.notes(page.board),
        }
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


def policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """The content security policy: load nothing, and run only these scripts and styles, by their hashes."""
    return (
        f"default-src 'none'; style-src {' '.join(map(digest, styles))}; script-src {' '.join(map(digest, scripts))}; "
        "base-uri 'none'; form-action 'none'"
    )


def digest(text: str) -> str:
    """The hash of a script or style, in the syntax of a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
