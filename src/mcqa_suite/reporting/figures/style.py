"""The style of all figures: a light and a dark palette, and SVG that the page's content security policy allows."""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from mcqa_suite.reporting.templating import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WIDTH = 7.4  # inches
# Meaning -> (light, dark). Blue and orange differ under every common colour blindness; no meaning depends on colour alone.
PALETTE = {
    "paper": ("#ffffff", "#14171a"),
    "raised": ("#f6f7f9", "#1d2125"),
    "ink": ("#1b1f24", "#e8eaed"),
    "muted": ("#57606a", "#a3adb8"),
    "line": ("#d3d8de", "#3a4149"),
    "rest": ("#87909a", "#78828c"),
    "band": ("#e3eaf3", "#26303b"),
    "same": ("#656f7a", "#939ea9"),
    "better": ("#005fa8", "#6cb8ff"),
    "worse": ("#b03a00", "#ff9d66"),
    "floor": ("#8a3f8f", "#d79be0"),
    "link": ("#0b57a4", "#8cc4ff"),
    "focus": ("#9a5b00", "#ffd166"),
    "data": ("#00707a", "#4fb8c2"),
    "bar": ("#8fb4e0", "#2f5f9e"),
    "mark": ("#ffe680", "#6b5600"),
}
LIGHT = {name: light for name, (light, _dark) in PALETTE.items()}
# Blue and orange are better and worse, purple the noise floor; what is none of these is drawn in DATA.
PAPER, INK, MUTED, LINE, REST, BAND, SAME, BETTER, WORSE, FLOOR, DATA = (
    LIGHT[name]
    for name in ("paper", "ink", "muted", "line", "rest", "band", "same", "better", "worse", "floor", "data")
)
SETTINGS: Any = {  # matplotlib types the keys one by one
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 8.5,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.titlesize": 8.5,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "figure.facecolor": PAPER,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
}
NUMBERS = {"d", "transform", "x", "y", "width", "height", "stroke-width", "stroke-dasharray"}
SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"


@dataclass(frozen=True)
class Plot:
    """A figure with its title and caption; `alt` is a text alternative, `tips` the tooltip of each artist with that gid."""

    name: str
    title: str
    caption: str
    alt: str
    figure: Figure
    tips: Mapping[str, str] = field(default_factory=dict)


def short(text: object, most: int = 32) -> str:
    """A name of at most `most` characters, cut in the middle because names of one family often differ at their end."""
    name = clean(text)
    return name if len(name) <= most else f"{name[: most - 1 - most // 2]}…{name[len(name) - most // 2 :]}"


def css_variables() -> str:
    """The palette as CSS variables: dark on a screen whose user prefers it, light elsewhere and in print."""
    light, dark = ("".join(f"--{name}:{pair[i]};" for name, pair in PALETTE.items()) for i in (0, 1))
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def svg(figure: Figure, name: str) -> bytes:
    """The figure as matplotlib's SVG, the same bytes every time."""
    out = io.BytesIO()
    with mpl.rc_context({**SETTINGS, "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # matplotlib's font lacks some glyphs; a web browser has other fonts
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def inline(plot: Plot) -> Markup:
    """SVG for the page: colours as CSS variables, no style attributes, ids unique to the figure, and a text alternative."""
    plot.figure.patch.set_visible(False)  # it would hide the shadow at the edge of a figure that scrolls
    root = ET.fromstring(svg(plot.figure, plot.name))  # noqa: S314
    plot.figure.patch.set_visible(True)
    targets = {
        word for node in root.iter() for value in node.attrib.values() for word in re.findall(r"#([\w-]+)\)?$", value)
    }
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)
    for node in list(root.iter()):
        if tip := plot.tips.get(node.get("id", "")):
            title = ET.Element(f"{{{SVG}}}title")
            title.text = clean(tip)
            node.insert(0, title)
            node.set("class", "tip")
    for node in root.iter():
        _plain(node, targets, plot.name)
    _lighten(root)
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{plot.name}-title {plot.name}-desc")
    for index, (tag, text) in enumerate((("title", plot.title), ("desc", plot.alt))):
        node = ET.Element(f"{{{SVG}}}{tag}", {"id": f"{plot.name}-{tag}"})
        node.text = clean(text)
        root.insert(index, node)
    ET.register_namespace("", SVG)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704


def _plain(node: ET.Element, targets: set[str], name: str) -> None:
    """Replace styles by attributes, which the page's policy allows, and colours by CSS variables."""
    if "id" in node.attrib:
        if node.attrib["id"] in targets:
            node.set("id", f"{name}-{node.attrib['id']}")
        else:
            del node.attrib["id"]
    for part in node.attrib.pop("style", "").split(";"):
        key, _, value = (piece.strip() for piece in part.partition(":"))
        if key == "font":
            size = re.search(r"([\d.]+)px", value)
            node.set("font-size", size[1] if size else "8.5")  # the family is the page's
            if re.search(r"\b(bold|[6-9]00)\b", value.partition("px")[0]):
                node.set("font-weight", "bold")
        elif key and key != "font-family":
            node.set(key, value)
    if node.get("transform", "").startswith("rotate(-0 "):
        del node.attrib["transform"]
    if link := node.attrib.pop(f"{{{XLINK}}}href", None):
        node.set("href", f"#{name}-{link[1:]}")
    for key, value in list(node.attrib.items()):
        if value.startswith("url(#"):
            node.set(key, f"url(#{name}-{value[5:]}")
        elif value in COLOURS:
            node.set(key, f"var(--{COLOURS[value]})")
        elif key in NUMBERS:
            node.set(key, re.sub(r"(\.\d\d)\d+", r"\1", value))
    if node.tag == f"{{{SVG}}}text" and "fill" not in node.attrib:
        node.set("fill", "var(--ink)")


def _lighten(node: ET.Element) -> None:
    """Remove white space between elements and groups without attributes, which halves the size."""
    children: list[ET.Element] = []
    for child in node:
        _lighten(child)
        children += list(child) if child.tag == f"{{{SVG}}}g" and not child.attrib else [child]
    node[:] = children
    node.tail = None
    if node.tag not in (f"{{{SVG}}}{name}" for name in ("text", "tspan", "title", "desc")):
        node.text = None


COLOURS = {light: name for name, light in LIGHT.items()}


def files(plots: Sequence[Plot]) -> Iterator[tuple[str, bytes]]:
    """(file name, content) of each figure as SVG and as PNG."""
    for plot in plots:
        yield f"{plot.name}.svg", svg(plot.figure, plot.name)
        out = io.BytesIO()
        with mpl.rc_context(SETTINGS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plot.figure.savefig(out, format="png", dpi=160)
        yield f"{plot.name}.png", out.getvalue()
