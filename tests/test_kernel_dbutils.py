"""``dbutils`` without Spark, ``%pip``, ``%fs``, and secrets in what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel_support import Bench
from pytest_dbxgate.execution.kernel.redaction import Redactor, Stream
from pytest_dbxgate.execution.outcome import RunState


def test_widgets(bench: Bench) -> None:
    end = bench.run(
        "w = dbutils.widgets\nw.text('a', '1')\nw.dropdown('b', 'x', ['x', 'y'])",
        "w.combobox('c', 'z', ['x'])\nw.multiselect('d', 'x', ['x', 'y'])\nw.text('a', '2')",
        "print(w.getAll(), w.getArgument('e', 'none'), getArgument('a'), w.get('job'))",
        "w.remove('a')\ntry:\n    w.get('a')\nexcept Exception as error:\n    print(error)",
        "w.removeAll()\nw.getAll()",
        "w.dropdown('f', 'no', ['x'])",
        parameters={"b": "y", "job": "7"},
    )
    assert end.output == (
        "{'a': '1', 'b': 'y', 'c': 'z', 'd': 'x', 'job': '7'} none 1 7\n"
        "No input widget named a is defined\n"
        "{'b': 'y', 'job': '7'}\n"
    ), end
    assert end.failure is not None
    assert end.failure.message == (
        "The default value of the widget f must be one of its choices: 'no' is none of ['x']"
    )


def test_fs(bench: Bench) -> None:
    end = bench.run(
        "fs = dbutils.fs\nfs.put('dbfs:/tmp/a.txt', 'grüße')",
        "fs.mkdirs('/Volumes/main/s/v')\nfs.cp('/tmp/a.txt', '/Volumes/main/s/v/')",
        "fs.mv('/tmp', '/moved', True)\nprint([each.path for each in fs.ls('/')])",
        "info = fs.ls('/dbfs/moved')[0]\nprint(info.path, info.name, info.size, info.isFile())",
        "print(fs.head('/moved/a.txt'), fs.rm('/moved', True), fs.rm('/moved'))",
        "%fs head /Volumes/main/s/v/a.txt",
        "try:\n    fs.ls('/none')\nexcept Exception as error:\n    print(error)",
        "try:\n    fs.ls('dbfs:/../../etc')\nexcept Exception as error:\n    print(error)",
        "fs.put('/Volumes/main/s/v/a.txt', 'x')",
    )
    assert end.output == (
        "Wrote 7 bytes.\nTrue\nTrue\n"
        "['dbfs:/Volumes/', 'dbfs:/moved/']\n"
        "dbfs:/moved/a.txt a.txt 7 True\n"
        "grüße True False\n"
        "grüße\n"
        "java.io.FileNotFoundException: No such file or directory /none\n"
        "the path leads out of the file system: dbfs:/../../etc\n"
    ), end
    assert end.failure is not None
    assert end.failure.message == (
        "java.nio.file.FileAlreadyExistsException: /Volumes/main/s/v/a.txt already exists; "
        "overwrite=True replaces it"
    )


def test_files_of_this_machine(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "local.txt"
    file.write_text("here", encoding="utf-8")
    end = bench.run(f"print(dbutils.fs.head('file:{file.as_posix()}'))")
    assert end.output == "here\n", end


def test_pythons_own_functions_reach_volumes(bench: Bench) -> None:
    end = bench.run(
        "import os, pathlib, shutil\nos.makedirs('/Volumes/main/s/v')",
        "with open('/Volumes/main/s/v/a.txt', 'w') as stream:\n    stream.write('x')",
        "pathlib.Path('/dbfs/b.txt').write_text('y')",
        "shutil.copyfile('/dbfs/b.txt', '/Volumes/main/s/v/c.txt')",
        "print(sorted(os.listdir('/Volumes/main/s/v')), os.path.exists('/dbfs/none'))",
        "print(dbutils.fs.head('dbfs:/b.txt'), [each.name for each in dbutils.fs.ls('/')])",
        "open('/Volumes/../../x')",
    )
    assert end.output == (
        "1\n'/Volumes/main/s/v/c.txt'\n['a.txt', 'c.txt'] False\ny ['Volumes/', 'b.txt']\n"
    ), end
    assert end.failure is not None
    assert end.failure.error == "OutsideError"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("dbutils.fs.mount('a', 'b')", "dbutils.fs.mount needs a cluster"),
        ("dbutils.data.summarize(1)", "dbutils.data.summarize needs a cluster"),
        ("dbutils.credentials.showRoles()", "dbutils.credentials.showRoles needs a cluster"),
        ("dbutils.fs.ls('s3://bucket')", "s3: files need a cluster: s3://bucket"),
        ("%fs mounts", "dbutils.fs.mounts needs a cluster"),
        ("%conda install x", "%conda needs a cluster"),
        (
            "dbutils.notebook.getContext().apiToken().get()",
            "the context's apiToken needs a cluster",
        ),
    ],
)
def test_what_needs_a_cluster(bench: Bench, cell: str, message: str) -> None:
    end = bench.run(cell)
    assert end.state is RunState.UNSUPPORTED, end
    assert end.failure is not None
    assert end.failure.message == message


def test_the_context(bench: Bench) -> None:
    end = bench.run(
        "c = dbutils.notebook.entry_point.getDbutils().notebook().getContext()",
        "print(c.notebookPath().get(), c.tags().apply('jobId'), c.currentRunId().isDefined())",
        "print(c.userName().getOrElse('nobody'), c.tags().get('orgId'), c.apiUrl().get())",
        workspace_path="/Shared/retail/main",
        context={"jobId": "12", "user": "ada@example.com", "apiUrl": "https://127.0.0.1"},
    )
    assert end.output == (
        "/Shared/retail/main 12 False\nada@example.com None https://127.0.0.1\n"
    ), end


def test_task_values(bench: Bench) -> None:
    get = "dbutils.jobs.taskValues.get"
    end = bench.run(
        "put = dbutils.jobs.taskValues.set\nput('rows', [1, 2])\nput(key='n', value=3)",
        f"print({get}('load', 'n'), {get}(taskKey='load', key='m', default=0, debugValue=9))",
        f"{get}('load', 'missing')",
        task_values={"load": {"n": {"a": 1}}},
    )
    assert end.output == "{'a': 1} 0\n", end
    assert end.task_values == {"rows": [1, 2], "n": 3}
    assert end.failure is not None
    assert end.failure.message == "The task load has no task value missing"


def test_task_values_outside_of_a_job(bench: Bench) -> None:
    get = "dbutils.jobs.taskValues.get"
    end = bench.run(f"print({get}('load', 'n', debugValue=5))", f"{get}('load', 'n', default=1)")
    assert end.output == "5\n"
    assert end.failure is not None
    assert (end.failure.error, end.failure.message) == (
        "TypeError",
        "Must pass debugValue when calling get outside of a job context. "
        "debugValue cannot be None.",
    )


def test_secrets_are_redacted_in_all_output(bench: Bench) -> None:
    end = bench.run(
        "s = dbutils.secrets\nprint(s.get('retail', 'salt'), s.getBytes('retail', 'salt'))",
        "print([each.key for each in s.list('retail')], s.listScopes()[0].name)",
        "import sys, subprocess\nvalue = s.get('retail', 'salt')\nfor each in value:\n"
        "    sys.stdout.write(each)\n    sys.stdout.flush()\nprint()",
        "subprocess.run([sys.executable, '-c', f'print({value!r})'])",
        "short = s.get('retail', 'pin')\nprint('pin', short, len(value), 'pep')",
        "raise ValueError(f'wrong salt {value}')",
        secrets={"retail/salt": "pepper-and-salt", "retail/pin": "42"},
    )
    assert end.output.replace("\r\n", "\n") == (
        "[REDACTED] b'[REDACTED]'\n['pin', 'salt'] retail\n[REDACTED]\n[REDACTED]\n"
        "CompletedProcess(args=['REST', '-c', \"print('[REDACTED]')\"], returncode=0)\n"
        "pin [REDACTED] 15 pep\n"
    ).replace("REST", __import__("sys").executable), end
    assert end.failure is not None
    assert end.failure.message == "wrong salt [REDACTED]"
    assert "pepper" not in str(end)


def test_a_secret_that_is_not_there(bench: Bench) -> None:
    end = bench.run("dbutils.secrets.get('retail', 'other')", secrets={"retail/salt": "x"})
    assert end.failure is not None
    assert end.failure.message == "Secret does not exist with scope: retail and key: other"


def test_redaction_across_pieces() -> None:
    redactor = Redactor(["secret-one", "secret-one-and-two", "ab"])
    stream = Stream(redactor)
    pieces = [b"x secret", b"-one", b"-and", b"-", b"other ab secret-one-and-two!"]
    written = b"".join(map(stream.feed, pieces)) + stream.rest()
    assert written == b"x [REDACTED]-and-other ab [REDACTED]!"


def test_pip_follows_its_policy(bench: Bench) -> None:
    bench.write("requirements.txt", "pytest>=8  # have\n-r more.txt\n")
    bench.write(
        "more.txt", "no-such-package==1.0 ; python_version > '3'\nother; python_version < '3'\n"
    )
    cells = [
        "%pip install -q -U pytest 'pluggy>=1' -i https://example.org/simple",
        "%pip install -r requirements.txt",
    ]
    end = bench.run(*cells, "%pip uninstall -y pytest", "print('on')")
    assert end.state is RunState.PASSED, end
    assert end.output == "Requirement already satisfied: pytest, pluggy>=1\non\n"
    assert end.notices == (
        "%pip install no-such-package==1.0 ; python_version > '3' was skipped: "
        "it is not installed here",
        "%pip uninstall -y pytest was skipped: nothing is uninstalled on this machine",
    )
    end = bench.run(*cells, pip="fail")
    assert end.state is RunState.FAILED
    assert end.failure is not None
    assert end.failure.message == (
        "%pip install: no-such-package==1.0 ; python_version > '3' is not installed here; "
        "install it beforehand"
    )


@pytest.mark.parametrize(
    ("cells", "state"),
    [
        (["%pip install no-such-package", "import no_such_package"], RunState.UNSUPPORTED),
        (["from delta.tables import DeltaTable"], RunState.UNSUPPORTED),
        (["from databricks import feature_store"], RunState.UNSUPPORTED),
        (["from os import nothing_of_this_name"], RunState.FAILED),
        (["import no_such_package"], RunState.FAILED),
    ],
)
def test_a_module_that_a_cluster_has(bench: Bench, cells: list[str], state: RunState) -> None:
    end = bench.run(*cells)
    assert end.state is state, end
    assert end.failure is not None
    told = end.failure.message.endswith(": it is not installed here")
    assert told is (state is RunState.UNSUPPORTED)


def test_pip_installs_into_the_runs_own_folder(bench: Bench, tmp_path: Path) -> None:
    _wheel(bench.tree / "dist")
    end = bench.run(
        "%pip install --no-index ./dist/dbxtiny-1.0-py3-none-any.whl",
        "import dbxtiny\nprint(dbxtiny.VALUE)",
        "%pip install ./dist/missing-1.0-py3-none-any.whl",
        pip="install",
    )
    assert end.state is RunState.FAILED
    assert "\n5\n" in end.output, end
    assert (tmp_path / "packages" / "dbxtiny.py").exists()
    assert end.failure is not None
    assert (end.failure.place.cell, end.failure.error) == (3, "PipError")


def _wheel(folder: Path) -> None:
    """A package of our own, without a network."""
    import zipfile

    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "dbxtiny-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("dbxtiny.py", "VALUE = 5\n")
        info = "dbxtiny-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: dbxtiny\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(
            f"{info}/RECORD", f"dbxtiny.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )


def test_help_prints_something(bench: Bench) -> None:
    end = bench.run("dbutils.help()\ndbutils.fs.help('cp')")
    assert end.output.endswith(
        "dbutils.fs in a run on this machine:\n  cp: Copy a file, or a folder with ``recurse``.\n"
    ), end
