"""Central policies: where they are found, how they merge, what they lock."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import pytest

from pytest_dbxgate import projects, settings
from pytest_dbxgate.codes import Severity
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.settings import PolicyOrigin, Settings
from support import write


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that must not be imported."""
    folder = tmp_path / "site"
    write(
        folder,
        {
            "acme_policy/__init__.py": "raise RuntimeError('imported')",
            "acme_policy/data/__init__.py": "raise RuntimeError('imported')",
            "acme_policy/gate.toml": 'name = "acme"\nversion = "2.1"\nruntime = "15.4"\n',
            "acme_policy/data/strict.toml": 'extend = "../gate.toml"\nstrict_sql = true\n',
        },
    )
    monkeypatch.syspath_prepend(folder)
    return folder


def load(root: Path, files: dict[str, str], name: str = "dbxgate.toml") -> Settings:
    write(root, dict(files))
    found = settings.load(root / name)
    assert found is not None
    return found


def error_of(root: Path, files: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(root, files)
    return _shown(str(caught.value), root)


def _shown(message: str, root: Path) -> str:
    return message.replace(str(root), "<root>").replace("\\", "/")


def test_a_policy_in_a_package_is_found_without_importing_it(tmp_path: Path, package: Path) -> None:
    found = load(tmp_path, {"dbxgate.toml": 'extend = "acme_policy:gate.toml"'})
    data = (package / "acme_policy" / "gate.toml").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert found.runtime == "15.4"
    assert found.policies == (PolicyOrigin("acme", "2.1", "acme_policy:gate.toml", digest),)
    assert str(found.policies[0]) == f"acme 2.1 (acme_policy:gate.toml, sha256 {digest[:12]})"
    assert "acme_policy" not in sys.modules


@pytest.mark.parametrize(
    ("extend", "names"),
    [
        ("acme_policy.data:strict.toml", ["acme_policy.data:strict.toml", "../gate.toml"]),
        ("acme_policy:data/strict.toml", ["acme_policy:data/strict.toml", "acme_policy:gate.toml"]),
    ],
)
def test_a_policy_of_a_package_extends_another_by_its_path(
    tmp_path: Path, package: Path, extend: str, names: list[str]
) -> None:
    found = load(tmp_path, {"dbxgate.toml": f'extend = "{extend}"'})
    assert [policy.origin for policy in found.policies] == names
    assert (found.strict_sql, found.runtime) == (True, "15.4")


def test_what_is_installed_beats_a_folder_of_the_working_tree(
    tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"acme_policy/__init__.py": "", "acme_policy/gate.toml": 'version = "fake"'})
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("site.getsitepackages", lambda: [str(package)])
    found = load(tmp_path, {"dbxgate.toml": 'extend = "acme_policy:gate.toml"'})
    assert found.policies[0].version == "2.1"


def test_a_chain_of_paths_counts_from_each_file(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        {
            "team/dbxgate.toml": 'extend = "../policy/team.toml"',
            "policy/team.toml": 'extend = "base/all.toml"\nversion = "1"',
            "policy/base/all.toml": 'name = "all"\nmax_size_mb = 3',
        },
        "team/dbxgate.toml",
    )
    assert [(each.title, each.origin) for each in found.policies] == [
        ("team 1", "../policy/team.toml"),
        ("all", "../policy/base/all.toml"),
    ]
    assert found.max_size_mb == 3
    assert found.extend == "../policy/team.toml"


def test_lists_grow_and_scalars_give_way(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        {
            "policy.toml": """
                exclude = ["scratch"]
                notebooks = ["notebooks"]
                globals = ["tracer"]
                ignore = ["E501", "E711"]
                warn = ["DBX150"]
                block = ["DBX201", "DBX202"]
                unsilenceable = ["DBX6"]
                runtime = "15.4"
                strict_sql = true
                module_roots = ["lib"]
                workspace_roots = { "/a" = "a", "/b" = "b" }
                [policy]
                max_cells = 60
                allowed_magics = ["md", "sql"]
                """,
            "dbxgate.toml": """
                extend = "policy.toml"
                exclude = ["drafts", "scratch"]
                notebooks = ["etl"]
                globals = ["TENANT"]
                ignore = ["E712"]
                warn = ["E711", "DBX201"]
                block = ["E501"]
                unsilenceable = ["F821"]
                runtime = "16.4"
                module_roots = ["src"]
                workspace_roots = { "/b" = "c" }
                [policy]
                owner = true
                allowed_magics = ["md"]
                """,
        },
    )
    assert found.exclude == ("scratch", "drafts")
    assert found.notebooks == ("etl",)
    assert found.globals == ("tracer", "TENANT")
    assert found.ignore == ("E712",)
    assert found.warn == ("DBX150", "E711", "DBX201")
    assert found.block == ("DBX202", "E501")
    assert found.unsilenceable == ("DBX6", "F821")
    assert (found.runtime, found.strict_sql, found.module_roots) == ("16.4", True, ("src",))
    assert found.workspace_roots == {"/a": "a", "/b": "c"}
    assert found.policy == settings.Policy(owner=True, max_cells=60, allowed_magics=("md",))


POLICY = 'name = "acme"\nversion = "2.1"\n'


@pytest.mark.parametrize(
    ("locked", "line", "message"),
    [
        ("runtime", 'runtime = "15.4"', "runtime is locked by {policy}"),
        ("ignore", "ignore = []", "ignore is locked by {policy}"),
        ("policy.max_cells", "policy.max_cells = 9", "policy.max_cells is locked by {policy}"),
        ("policy", "policy.owner = false", "policy is locked by {policy}"),
        ("DBX6", 'ignore = ["DBX601"]', 'ignore: "DBX601" loosens DBX6, which {policy} locks'),
        ("DBX601", 'warn = ["DBX6"]', 'warn: "DBX6" loosens DBX601, which {policy} locks'),
        ("DBX6", 'warn = ["D"]', 'warn: "D" loosens DBX6, which {policy} locks'),
        (
            "DBX6",
            'warn = ["old/*:DBX601"]',
            'warn: "old/*:DBX601" loosens DBX6, which {policy} locks',
        ),
        ("F821", 'ignore = ["old"]', 'ignore: "old" loosens F821, which {policy} locks'),
    ],
)
def test_what_is_locked_cannot_be_loosened(
    tmp_path: Path, locked: str, line: str, message: str
) -> None:
    files = {
        "policy.toml": f'{POLICY}locked = ["{locked}"]\n',
        "dbxgate.toml": f'extend = "policy.toml"\n{line}\n',
    }
    message = message.format(policy='the policy "acme 2.1" (policy.toml)')
    place = "" if locked == "policy" else ":2"
    said = error_of(tmp_path, files).split("\n")
    assert said[0] == f"<root>/dbxgate.toml{place}: tool.dbxgate.{message}"
    assert said[1].startswith("  next: ")
    assert said[1].endswith("have the policy changed")


@pytest.mark.parametrize(
    "line", ['block = ["DBX6"]', 'warn = ["F821"]', 'ignore = ["old:F8"]', "strict_sql = true"]
)
def test_what_is_not_loosened_is_free(tmp_path: Path, line: str) -> None:
    policy = 'locked = ["DBX6", "runtime"]\nignore = ["samples:DBX6"]\n'
    load(tmp_path, {"policy.toml": policy, "dbxgate.toml": f'extend = "policy.toml"\n{line}'})


def test_a_lock_holds_for_policies_below_it_too(tmp_path: Path) -> None:
    said = error_of(
        tmp_path,
        {
            "base.toml": 'name = "base"\nlocked = ["DBX6"]',
            "team.toml": 'extend = "base.toml"\n\nwarn = ["DBX601"]',
            "dbxgate.toml": 'extend = "team.toml"',
        },
    )
    assert said.startswith("<root>/team.toml:3: tool.dbxgate.warn: ")
    assert 'which the policy "base" (base.toml) locks' in said


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"dbxgate.toml": '\nextend = "no_such_policy:gate.toml"'},
            '<root>/dbxgate.toml:2: tool.dbxgate.extend: the package "no_such_policy" is not '
            "installed\n  next: pip install no-such-policy, or what else brings that package; its "
            "name is that of an import, with _ for -",
        ),
        (
            {"dbxgate.toml": 'extend = "acme-policy:gate.toml"'},
            '<root>/dbxgate.toml:1: tool.dbxgate.extend: the package "acme-policy" is not '
            "installed\n  next: pip install acme-policy, or what else brings that package; its "
            "name is that of an import, with _ for -",
        ),
        (
            {"dbxgate.toml": 'extend = "acme_policy:other.toml"'},
            '<root>/dbxgate.toml:1: tool.dbxgate.extend: the package "acme_policy" has no file '
            '"other.toml"\n  next: correct the name, or pip install --upgrade the package that '
            "holds it",
        ),
        (
            {"dbxgate.toml": 'extend = "gone.toml"'},
            '<root>/dbxgate.toml:1: tool.dbxgate.extend: there is no file "gone.toml"\n'
            "  next: it is looked for as <root>/gone.toml; a policy in a package is written "
            '"package:policy.toml"',
        ),
    ],
)
def test_a_policy_that_is_not_there_leaves_the_projects_own_values(
    tmp_path: Path, package: Path, files: dict[str, str], message: str
) -> None:
    name, text = next(iter(files.items()))
    found = load(tmp_path, {name: f"{text}\nruntime = '15.4'"})
    assert _shown(found.missing_policy, tmp_path) == message
    assert (found.runtime, found.policies) == ("15.4", ())


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"dbxgate.toml": 'extend = "acme_policy:../../dbxgate.toml"'},
            '<root>/dbxgate.toml:1: tool.dbxgate.extend: "../../dbxgate.toml" is no resource of a '
            'package\n  next: name a file inside the package, such as "policies/strict.toml"',
        ),
        (
            {"dbxgate.toml": 'extend = "dbxgate.toml"'},
            "<root>/dbxgate.toml:1: tool.dbxgate.extend: a policy extends itself: dbxgate.toml\n"
            "  next: remove one `extend` of the circle",
        ),
        (
            {
                "dbxgate.toml": 'extend = "a.toml"',
                "a.toml": 'extend = "b.toml"',
                "b.toml": '# b\nextend = "a.toml"',
            },
            "<root>/b.toml:2: tool.dbxgate.extend: a policy extends itself: "
            "a.toml -> b.toml -> a.toml\n  next: remove one `extend` of the circle",
        ),
        (
            {"dbxgate.toml": 'extend = "a.toml"', "a.toml": "runtime_ = 1"},
            '<root>/a.toml:1: unknown key "runtime_" in [tool.dbxgate]\n'
            '  next: did you mean "runtime"?',
        ),
        (
            {"dbxgate.toml": 'extend = "a.toml"', "a.toml": "version = 2.1"},
            '<root>/a.toml:1: tool.dbxgate.version is 2.1\n  next: write a string, such as "2.1"',
        ),
        (
            {"dbxgate.toml": 'extend = "a.toml"', "a.toml": 'locked = ["max_cells"]'},
            '<root>/a.toml:1: "max_cells" in tool.dbxgate.locked is neither a key nor a code\n'
            '  next: did you mean "policy.max_cells"?',
        ),
        (
            {"dbxgate.toml": 'extend = "a.toml"', "a.toml": 'locked = ["DBX9"]'},
            '<root>/a.toml:1: unknown code "DBX9" in tool.dbxgate.locked\n'
            "  next: docs/rules/ lists the codes",
        ),
        (
            {"dbxgate.toml": 'locked = ["DBX6"]'},
            '<root>/dbxgate.toml:1: "locked" belongs in a policy, not in [tool.dbxgate] of a '
            "project\n  next: write it into the file that `extend` names",
        ),
        (
            {"dbxgate.toml": 'unsilenceable = ["notebooks:DBX6"]'},
            '<root>/dbxgate.toml:1: "notebooks:DBX6" in tool.dbxgate.unsilenceable is no code\n'
            '  next: write codes or families, such as "DBX6"',
        ),
        (
            {
                "dbxgate.toml": 'extend = "a.toml"\nignore = ["old:DBX601"]',
                "a.toml": 'name = "acme"\nunsilenceable = ["DBX6"]',
            },
            '<root>/dbxgate.toml:2: tool.dbxgate.ignore: "old:DBX601" is about DBX6, which is '
            'unsilenceable by the policy "acme" (a.toml)\n'
            "  next: remove the entry, and mend what is found",
        ),
    ],
)
def test_mistakes_are_named(
    tmp_path: Path, package: Path, files: dict[str, str], message: str
) -> None:
    assert error_of(tmp_path, files) == message


@pytest.mark.parametrize("text", ["a = [", "\xff", "a = " + "[" * 3000])
def test_a_broken_policy_is_named(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"policy.toml": text.encode("latin-1")})
    said = error_of(tmp_path, {"dbxgate.toml": 'extend = "policy.toml"'})
    assert said.startswith("<root>/policy.toml: cannot be read: ")


def test_a_pyproject_that_holds_no_policy_is_named(tmp_path: Path) -> None:
    files = {"dbxgate.toml": 'extend = "p/pyproject.toml"', "p/pyproject.toml": "[tool.x]\na = 1"}
    said = error_of(tmp_path, files)
    assert said.startswith("<root>/p/pyproject.toml: holds no policy: it has no [tool.dbxgate]")


def test_a_tool_that_is_no_table_is_no_crash(tmp_path: Path) -> None:
    assert error_of(tmp_path, {"dbxgate.toml": "tool = 3"}).startswith(
        '<root>/dbxgate.toml:1: unknown key "tool"'
    )


def test_the_key_of_another_tool_is_not_taken_for_ours(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"pyproject.toml": '[tool.ruff]\nextend = "x.toml"\n[tool.dbxgate]\nextend = "x.toml"\n'},
    )
    found = settings.load(tmp_path / "pyproject.toml")
    assert found is not None
    assert "pyproject.toml:4: " in found.missing_policy


@pytest.mark.parametrize(
    ("code", "expected"), [("DBX601", True), ("DBX620", True), ("DBX501", False), ("F821", False)]
)
def test_unsilenceable_codes_are_known_by_their_family(code: str, expected: bool) -> None:
    assert settings.parse({"unsilenceable": ["DBX6"]}).is_unsilenceable(code) is expected


def test_an_ignored_path_keeps_what_is_unsilenceable() -> None:
    found = settings.parse({"unsilenceable": ["DBX6"], "ignore": ["old", "D"], "warn": ["new"]})
    assert found.severity("DBX601", "old/a.py", Severity.ERROR) is Severity.ERROR
    assert found.severity("DBX501", "old/a.py", Severity.ERROR) is None
    assert found.severity("DBX601", "new/a.py", Severity.ERROR) is Severity.WARNING


def test_the_digest_of_a_policy_is_part_of_the_settings(tmp_path: Path) -> None:
    files = {"dbxgate.toml": 'extend = "policy.toml"', "policy.toml": "strict_sql = true"}
    before = load(tmp_path, files)
    after = load(tmp_path, {**files, "policy.toml": "strict_sql = true # sure"})
    assert repr(before) != repr(after)


def test_two_projects_of_a_repository_obey_their_own_policies(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "one/dbxgate.toml": 'extend = "../one.toml"',
            "two/dbxgate.toml": 'extend = "../two.toml"',
            "one.toml": 'runtime = "15.4"',
            "two.toml": 'runtime = "16.4"',
        },
    )
    found = projects.load(tmp_path, ["one/dbxgate.toml", "two/dbxgate.toml"])
    assert found.of("one/a.py").runtime == "15.4"
    assert found.of("two/a.py").runtime == "16.4"
    assert [policy.name for policy in found.policies] == ["one", "two"]


def test_a_project_without_a_policy_obeys_that_of_the_project_around_it(tmp_path: Path) -> None:
    files = {
        "dbxgate.toml": 'extend = "policy/p.toml"\nstrict_sql = true',
        "policy/p.toml": 'locked = ["DBX6"]\nruntime = "15.4"',
        "inner/dbxgate.toml": "sql_timeout = 3",
        "inner/most/dbxgate.toml": "sql_timeout = 4",
        "free/dbxgate.toml": 'extend = ""',
    }
    write(tmp_path, dict(files))
    found = projects.load(tmp_path, files)
    inner = found.of("inner/a.py")
    assert (inner.runtime, inner.strict_sql, inner.sql_timeout) == ("15.4", False, 3)
    assert [policy.origin for policy in inner.policies] == ["policy/p.toml"]
    assert found.of("inner/most/a.py").policies == inner.policies
    assert found.of("free/a.py").policies == ()
    assert len(found.policies) == 1
    write(tmp_path, {"inner/dbxgate.toml": 'ignore = ["DBX6"]'})
    with pytest.raises(ConfigurationError, match="loosens DBX6"):
        projects.load(tmp_path, files)


def test_the_policy_around_holds_whatever_folder_the_run_begins_in(tmp_path: Path) -> None:
    files = {
        ".git/HEAD": "",
        "dbxgate.toml": 'extend = "p.toml"',
        "p.toml": 'runtime = "15.4"',
        "team/dbxgate.toml": "sql_timeout = 3",
    }
    write(tmp_path, dict(files))
    found = projects.load(tmp_path / "team", ["dbxgate.toml"]).of("a.py")
    assert (found.runtime, found.sql_timeout, found.folder) == ("15.4", 3, ".")
    above = projects.load(tmp_path / "team" / "deep", []).of("a.py")
    assert (above.sql_timeout, above.root_inside) == (3, "deep")


def test_above_the_repository_nothing_counts(tmp_path: Path) -> None:
    write(tmp_path, {"dbxgate.toml": "broken = [", "repo/.git/HEAD": ""})
    assert projects.load(tmp_path / "repo", []).of("a.py") == Settings()


def test_the_examples_of_the_documentation_are_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Path(__file__).resolve().parent.parent / "docs" / "policy.md"
    text = page.read_text(encoding="utf-8")
    project, policy = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    write(tmp_path, {"site/acme_policy/__init__.py": "", "site/acme_policy/gate.toml": policy})
    monkeypatch.syspath_prepend(tmp_path / "site")
    found = load(tmp_path, {"dbxgate.toml": project})
    assert found.policies[0].title == "acme 2.1"
    assert (found.runtime, found.warn, found.policy.max_cells) == ("15.4", ("DBX150",), 60)
    said = error_of(
        tmp_path,
        {"dbxgate.toml": 'extend = "acme_policy:gate.toml"\nignore = ["notebooks/old"]'},
    )
    assert said.removeprefix("<root>/") in text
