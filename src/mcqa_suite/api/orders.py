"""What the order of the options does: runs of `mcqa_*_perm` tasks side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.analysis.option_order import Order, read_orders
from mcqa_suite.logs.named_runs import named_path
from mcqa_suite.reporting.option_orders import order_records, order_table
from mcqa_suite.reporting.tables import csv_text, data_frame

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class OrdersResult:
    """The effect of the order on each run and task."""

    rows: tuple[Order, ...]

    def to_frame(self) -> pd.DataFrame:
        """A row for each run and task; accuracies are fractions."""
        return data_frame(order_records(self.rows))

    def text(self, style: str = "md") -> str:
        """The table as Markdown ("md"), with differences to the first run, or as CSV ("csv")."""
        return csv_text(order_records(self.rows), digits=None) if style == "csv" else order_table(self.rows)


def orders(*runs: str | Path) -> OrdersResult:
    """Read runs of `mcqa_*_perm` tasks: folders, or NAME=PATH; the first is what the others are compared with."""
    named = [named_path(str(run)) for run in runs]
    return OrdersResult(tuple(row for name, path in named for row in read_orders(name or path.absolute().name, path)))
