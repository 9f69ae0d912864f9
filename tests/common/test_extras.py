"""Extras: the table agrees with pyproject.toml, and the pip install suits how the package was installed."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import packages_distributions

import pytest
from helpers.locations import REPOSITORY

from mcqa_suite.common import extras
from mcqa_suite.common.errors import ConfigError

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = PROJECT["optional-dependencies"]


def test_the_table_has_every_extra_and_a_module_of_each_of_its_packages():
    assert set(extras.EXTRAS) == set(DECLARED) - {"dev", "docs", "report"}
    modules = {}
    for module, names in packages_distributions().items():
        for name in names:
            modules.setdefault(name.lower().replace("_", "-"), set()).add(module)
    for extra, requirements in DECLARED.items():
        for requirement in requirements if extra in extras.EXTRAS else ():
            package = re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")
            if package in modules and package != "mcqa-suite":
                assert modules[package] & set(extras.EXTRAS[extra]), f"{extra}: {package}"


@pytest.mark.parametrize(
    ("direct_url", "command"),
    [
        (None, "pip install 'mcqa-suite[eval,train]'"),
        ({"url": "file:///tmp/mcqa_suite.whl", "archive_info": {}}, "pip install 'mcqa-suite[eval,train]'"),
        ({"url": REPOSITORY.as_uri(), "dir_info": {}}, f"pip install '{REPOSITORY}[eval,train]'"),
        ({"url": REPOSITORY.as_uri(), "dir_info": {"editable": True}}, f"pip install -e '{REPOSITORY}[eval,train]'"),
        ({"url": "file:///no/such/checkout", "dir_info": {"editable": True}}, "pip install 'mcqa-suite[eval,train]'"),
        ({"url": "https://x.org/a.git", "vcs_info": {"vcs": "git"}}, "pip install 'mcqa-suite[eval,train]'"),
    ],
)
def test_the_command_suits_how_the_package_was_installed(direct_url, command, monkeypatch, tmp_path):
    class Installed:
        def read_text(self, name):
            assert name == "direct_url.json"
            return json.dumps(direct_url) if direct_url else None

    monkeypatch.setattr(extras, "distribution", lambda name: Installed())
    monkeypatch.chdir(tmp_path)
    assert extras.install_command("eval", "train") == command
    monkeypatch.chdir(REPOSITORY)
    assert extras.install_command("eval", "train") == command.replace(f"'{REPOSITORY}[", "'.[")


def test_a_source_folder_that_was_never_installed_is_a_checkout(monkeypatch):
    def absent(name):
        raise extras.PackageNotFoundError(name)

    monkeypatch.setattr(extras, "distribution", absent)
    monkeypatch.chdir("/")
    assert extras.install_command("eval") == f"pip install -e '{REPOSITORY}[eval]'"


def test_a_missing_import_that_no_extra_provides_is_raised_unchanged():
    assert extras.missing(ImportError("cannot import name 'x'", name="json")) is None
    assert extras.missing(ModuleNotFoundError("No module named 'pytest.nothing'", name="pytest.nothing")) is None
    assert extras.missing(ImportError("no name")) is None


def test_a_command_names_its_own_extra_where_several_have_the_module(monkeypatch):
    monkeypatch.setattr(extras, "installed", lambda module: False)
    error = ModuleNotFoundError("No module named 'tenacity'", name="tenacity")
    assert "[server]'" in str(extras.missing(error))
    assert "[rank]'" in str(extras.missing(error, "rank"))
    assert "[eval]'" in str(extras.missing(ModuleNotFoundError("torch", name="torch"), "rank"))


def test_everything_that_is_missing_is_named_at_once(monkeypatch):
    extras.require("recipe.yaml", "metrics")
    monkeypatch.setattr(extras, "installed", lambda module: module != "peft")
    with pytest.raises(ConfigError, match=r"recipe\.yaml: peft is not installed: pip install .*\[train\]'"):
        extras.require("recipe.yaml", "eval", "train")
    monkeypatch.setattr(extras, "installed", lambda module: module not in ("optimum", "gptqmodel", "trl"))
    with pytest.raises(ConfigError, match=r"trl and 2 other libraries are not installed: .*\[train,gptq\]'"):
        extras.require("recipe.yaml", "eval", "train", "gptq")
