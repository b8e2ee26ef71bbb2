from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dbxgate import arguments
from pytest_dbxgate.codes import Check
from pytest_dbxgate.discovery import GatedFile, discover
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.notebook.model import NotebookKey
from support import source, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(
        tmp_path,
        {
            "nb/a.py": source("1"),
            "nb/b [x].py": source("1"),
            "tests/test_t.py": "def test_t(): pass\n",
        },
    )
    return tmp_path


def split(root: Path, *names: str, directory: Path | None = None) -> arguments.Plan:
    found = discover(root).files
    return arguments.split(names, root=root, directory=directory or root, files=found)


def test_a_folder_is_for_both(root: Path) -> None:
    plan = split(root, "nb", "tests")
    assert [wanted.file.path for wanted in plan.wanted] == ["nb/a.py", "nb/b [x].py"]
    assert plan.rest == ("nb", "tests")


def test_a_notebook_is_ours_whatever_its_name(root: Path) -> None:
    plan = split(root, "b [x].py", directory=root / "nb")
    assert [wanted.file.path for wanted in plan.wanted] == ["nb/b [x].py"]
    assert plan.rest == ()


def test_a_check_narrows(root: Path) -> None:
    plan = split(root, "nb/a.py::lint", "nb/a.py::format")
    key = NotebookKey("nb/a.py")
    assert plan.wanted[0].only == {(key, Check.LINT), (key, Check.FORMAT)}


def test_the_whole_notebook_beats_one_check_of_it(root: Path) -> None:
    assert split(root, "nb/a.py::lint", "nb/a.py").wanted[0].only is None


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("tests/test_t.py", "tests/test_t.py is neither a notebook nor a job file"),
        (
            "tests/test_t.py::test_t",
            "tests/test_t.py::test_t is neither a notebook nor a job file",
        ),
        ("nb/a.py::lints", "not found: nb/a.py::lints"),
    ],
)
def test_what_is_no_notebook_is_said(root: Path, argument: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        split(root, argument)
    assert caught.value.message == message


def test_an_archive_has_no_format_to_check(root: Path) -> None:
    write(root, {"a.dbc": b"not an archive"})
    with pytest.raises(ConfigurationError, match=r"not found: a\.dbc::format") as caught:
        split(root, "a.dbc::format")
    assert caught.value.next_step == "checks: syntax, lint, metadata, references, secrets"


def test_a_job_file_is_ours_and_has_two_checks(root: Path) -> None:
    write(root, {"databricks.yml": "bundle:\n  name: b\n"})
    plan = split(root, "databricks.yml", "nb/a.py")
    assert [wanted.file.path for wanted in plan.wanted] == ["databricks.yml", "nb/a.py"]
    assert plan.rest == ()
    key = NotebookKey("databricks.yml")
    assert split(root, "databricks.yml::secrets").wanted[0].only == {(key, Check.SECRETS)}
    with pytest.raises(ConfigurationError, match=r"not found: databricks\.yml::lint") as caught:
        split(root, "databricks.yml::lint")
    assert caught.value.next_step == "checks: references, secrets"


def test_what_does_not_exist_is_left_to_pytest(root: Path) -> None:
    plan = split(root, "nb/missing.py", "nb", "nb::lint")
    assert plan.rest == ("nb/missing.py", "nb", "nb::lint")
    assert plan.missing == ("nb/missing.py", "nb::lint")


def test_outside_the_root(root: Path) -> None:
    with pytest.raises(ConfigurationError, match="stands outside the root"):
        split(root / "nb", str(root / "tests" / "test_t.py"))


def test_a_folder_of_notebooks_outside_the_root(root: Path) -> None:
    with pytest.raises(ConfigurationError, match="nb stands outside the root"):
        split(root / "tests", str(root / "nb"))


def test_a_folder_of_tests_outside_the_root_is_left_to_pytest(root: Path) -> None:
    assert split(root / "nb", str(root / "tests")).rest == (str(root / "tests"),)


def test_a_link_to_a_folder_means_the_folder(root: Path) -> None:
    try:
        (root / "link").symlink_to("nb")
    except OSError:
        pytest.skip("no links here")
    plan = split(root, "link")
    assert [wanted.file.path for wanted in plan.wanted] == ["nb/a.py", "nb/b [x].py"]


def test_a_path_through_a_link_to_the_root(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "link"
    try:
        outside.symlink_to(root)
    except OSError:
        pytest.skip("no links here")
    plan = split(root, str(outside / "nb"), str(outside / "nb" / "a.py::lint"))
    assert [wanted.file.path for wanted in plan.wanted] == ["nb/a.py", "nb/b [x].py"]


@pytest.mark.parametrize(
    ("folders", "patterns", "ignored"),
    [
        (["/r/nb/sub"], [], True),
        (["/r/nb/sub/a.py"], [], True),
        (["/r/nb/su"], [], False),
        ([], ["/r/*/sub"], True),
        ([], ["*.py"], True),
        ([], ["*.sql"], False),
    ],
)
def test_ignored(folders: list[str], patterns: list[str], ignored: bool) -> None:
    paths = [Path(folder) for folder in folders]
    assert arguments.is_ignored(Path("/r/nb/sub/a.py"), paths, patterns) is ignored


def test_a_folder_above_the_root_means_all(root: Path) -> None:
    plan = arguments.split(
        [str(root)],
        root=root / "nb",
        directory=root,
        files=[GatedFile("a.py")],
    )
    assert [wanted.file.path for wanted in plan.wanted] == ["a.py"]


def test_a_notebook_that_pytest_imports_all_the_same() -> None:
    assert arguments.imported(["a.py", "conftest.py", "nb/conftest.py", "nb/my_conftest.py"]) == [
        "conftest.py is a notebook, and pytest runs every conftest.py as Python: rename it, or add "
        "--noconftest",
        "nb/conftest.py is a notebook, and pytest runs every conftest.py as Python: rename it, or "
        "add --noconftest",
    ]
