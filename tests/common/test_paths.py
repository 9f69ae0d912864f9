from pathlib import Path

import pytest

from mcqa_suite.common.errors import MissingDataError
from mcqa_suite.common.paths import checkout, hub_mirror, shared_dir, shared_path


@pytest.fixture
def no_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MCQA_SHARED", raising=False)


@pytest.mark.usefixtures("no_shared")
def test_an_installed_package_looks_for_no_shared_folder_beside_its_prefix(tmp_path):
    package = tmp_path / "prefix" / "lib" / "site-packages" / "mcqa_suite"
    package.mkdir(parents=True)
    (tmp_path / "prefix" / "shared").mkdir()
    assert checkout(package) is None
    assert shared_dir(package) is None


@pytest.mark.usefixtures("no_shared")
def test_a_checkout_has_its_shared_folder_beside_it(tmp_path):
    package = tmp_path / "main" / "src" / "mcqa_suite"
    (tmp_path / "main" / "tasks").mkdir(parents=True)
    (tmp_path / "main" / "pyproject.toml").write_text('[project]\nname = "another"\n')
    assert shared_dir(package) is None
    (tmp_path / "main" / "pyproject.toml").write_text('[project]\nname = "mcqa-suite"\n')
    assert shared_dir(package) == tmp_path / "shared"


def test_the_environment_names_the_shared_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path))
    assert shared_dir(Path("/nowhere/lib/mcqa_suite")) == tmp_path
    assert shared_path("data/x.csv") == tmp_path / "data" / "x.csv"
    assert hub_mirror() is None
    (tmp_path / "hub").mkdir()
    assert hub_mirror() == (tmp_path / "hub").resolve()


@pytest.mark.usefixtures("no_shared")
def test_shared_data_without_a_folder_is_one_line(monkeypatch):
    monkeypatch.setattr("mcqa_suite.common.paths.shared_dir", lambda: None)
    with pytest.raises(MissingDataError, match=r"\$MCQA_SHARED/data/x\.csv: MCQA_SHARED is not set; set it"):
        shared_path("data/x.csv")
    assert hub_mirror() is None
