"""What mkdocs needs to build the site: pages outside docs/, links between all of them, and lists as GitHub reads them."""

from __future__ import annotations

import posixpath
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

import mcqa_suite

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = (
    "tasks/README.md",
    "training/README.md",
    "training/configs/README.md",
    "benchmarks/README.md",
    "benchmarks/results/*.md",
    "results/*.md",
    "results/*.html",
    "results/*.svg",
    "results/*.csv",
    "benchmarks/results/*.svg",
    "src/mcqa_suite/questions/data/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
)
REPORT = "demo-report.html"
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>(?!https?:|mailto:|#)[^)#\s]+)(?P<anchor>#[^)]*)?\)")
FENCE = re.compile(r"^ *(?:```|~~~)")
ITEM = re.compile(r"(?:[-*]|\d+\.) ")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages outside docs/, under their path in the repository, and the report of the demo."""
    for pattern in OUTSIDE:
        for path in sorted(ROOT.glob(pattern)):
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    files.append(File.generated(config, REPORT, content=demo_report()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """The text of a page with links that lead to pages of the site, and lists in Python-Markdown's form."""
    if page.file.src_uri.startswith("benchmarks/results/"):
        page.meta["search"] = {"exclude": True}
    return python_markdown(with_links(markdown, page.file.src_uri, files, config.extra["repository"]))


@cache
def demo_report() -> str:
    """The report of the logs in docs/demo."""
    runs = sorted((ROOT / "docs/demo/evaluations").iterdir())
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "report.html")
        mcqa_suite.report(*runs, output=output)
        return output.read_text(encoding="utf-8")


def with_links(markdown: str, uri: str, files: Any, repository: str) -> str:
    """Links that lead to pages of the site; others to the repository, or their text alone where it has no address."""

    def replaced(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(in_repository(uri)), link["target"]))
        page = "index.md" if target == "README.md" else target.removeprefix("docs/")
        page = f"{page}/README.md" if in_site(f"{page}/README.md", files) else page
        if in_site(page, files):
            return f"[{link['text']}]({posixpath.relpath(page, posixpath.dirname(uri) or '.')}{link['anchor'] or ''})"
        if not (ROOT / target).exists():
            return link.group()  # mkdocs reports it
        return f"[{link['text']}]({repository}/blob/HEAD/{target})" if repository else link["text"]

    return LINK.sub(replaced, markdown)


def in_site(uri: str, files: Any) -> bool:
    file = files.get_file_from_path(uri)
    return file is not None and file.inclusion.is_included()


def in_repository(uri: str) -> str:
    """The path in the repository of a page of the site."""
    return f"docs/{uri}" if (ROOT / "docs" / uri).exists() else uri


def python_markdown(markdown: str) -> str:
    """Blank lines before lists, twice the indent inside them, and fences named by their language alone."""
    lines: list[str] = []
    in_list = fenced = apart = False  # apart: a paragraph inside the list began after a blank line
    for line in markdown.splitlines():
        text = line.lstrip(" ")
        if not fenced and text:
            indented, after_text = line.startswith(" "), bool(lines and lines[-1].strip())
            starts = bool(ITEM.match(text)) and not indented
            if starts and after_text and (apart or not in_list):
                lines.append("")
            apart = not starts and in_list and (apart or not after_text)
            in_list = starts or (in_list and (indented or after_text))
        indent = line[: len(line) - len(text)] if text and in_list else ""
        if FENCE.match(line):
            fenced = not fenced
            line = line.split(" ")[0] if fenced and text == line else line
        lines.append(indent + line)
    return "\n".join(lines)
