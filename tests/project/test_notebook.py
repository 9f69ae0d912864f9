"""The example notebook runs from top to bottom, with few questions."""

from __future__ import annotations

import nbclient
import nbformat
import pytest
from helpers.locations import PATH, REPOSITORY

NOTEBOOK = REPOSITORY / "docs" / "compare_two_models.ipynb"
LIMIT = "--limit 200"


@pytest.mark.slow
def test_the_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", PATH)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    [evaluation] = [cell for cell in notebook.cells if LIMIT in cell.source and cell.cell_type == "code"]
    evaluation.source = evaluation.source.replace(LIMIT, "--limit 20")
    nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "report.html").stat().st_size > 100_000
    shown = [
        output.data.get("text/html", "")
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "data" in output
    ]
    assert any("mcqa_openbookqa_cloze" in html for html in shown)


def test_the_committed_outputs_are_of_its_code():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [output for cell in code for output in cell.outputs if output.output_type == "error"]
