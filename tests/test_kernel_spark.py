"""Spark in notebooks: the session, SQL cells and their parameters, limits of the engine."""

from __future__ import annotations

import importlib.util
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kernel_support import Bench
from pytest_dbxgate.execution.engines import ENGINES
from pytest_dbxgate.execution.outcome import CellPlace, RunState
from pytest_dbxgate.execution.starting import Start


def test_globals_and_modules_know_one_session(lake: Bench) -> None:
    lake.write(
        "helper.py",
        "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n",
    )
    lake.write(
        "other.py",
        "from databricks.connect import DatabricksSession\n"
        "from pyspark.dbutils import DBUtils\n"
        "spark = DatabricksSession.builder.serverless(True).getOrCreate()\n"
        "dbutils = DBUtils(spark)\n",
    )
    end = lake.run(
        "import helper, other",
        "from databricks.sdk.runtime import spark as third",
        "print(helper.spark is spark, other.spark is spark, third is spark)",
        "print(other.dbutils is dbutils)",
        "print(spark.range(3).count(), sql('SELECT 7').first()[0])",
        "print(sqlContext.sql('SELECT 8').first()[0])",
        "@udf('int')\ndef twice(x):\n    return 2 * x",
        "spark.range(2).select(twice('id')).collect()[1][0]",
        "spark.stop()\nspark.range(4).count()",
        "%restart_python",
        "print(spark.range(5).count(), 'helper' in globals())",
    )
    assert end.state is RunState.PASSED, end
    assert end.output == "True True True\nTrue\n3 7\n8\n2\n4\n5 False\n"
    assert end.notices == ("spark.stop() was not done: the session belongs to the run",)


def test_a_builder_gives_the_session_whatever_it_asks_for(lake: Bench) -> None:
    end = lake.run(
        "from pyspark import SparkConf, SparkContext\nfrom pyspark.sql import SparkSession",
        "builder = SparkSession.builder.appName('x').master('local[*]').config('a.b', 'c')",
        "print(builder.enableHiveSupport().getOrCreate() is spark)",
        "SparkContext.getOrCreate()",
    )
    assert end.output == "True\n", end
    assert end.state is RunState.UNSUPPORTED
    assert end.failure is not None
    assert end.failure.message == (
        "SparkContext.getOrCreate: Spark Connect has no SparkContext; it needs a cluster"
    )


def test_sql_cells_and_their_parameters(lake: Bench) -> None:
    end = lake.run(
        "%sql\n"
        "CREATE WIDGET TEXT day DEFAULT 'Monday; or so';\n"
        "CREATE WIDGET DROPDOWN name DEFAULT 'one' CHOICES SELECT * FROM VALUES ('one'), ('two');\n"
        "CREATE SCHEMA IF NOT EXISTS main.shop; -- comment; with a semicolon\n"
        "CREATE OR REPLACE TABLE main.shop.${name} AS SELECT :day AS day, getArgument('name') n;\n"
        "USE CATALOG main;\n"
        "USE SCHEMA shop;\n"
        "SELECT day, n, '$name' AS text FROM IDENTIFIER(:name) WHERE n = :name",
        "print(_sqldf.first().asDict())",
        "%sql REMOVE WIDGET day",
        "dbutils.widgets.get('day')",
        parameters={"unused": "x"},
    )
    assert end.output == (
        "+-------------+---+----+\n"
        "|          day|  n|text|\n"
        "+-------------+---+----+\n"
        "|Monday; or so|one| one|\n"
        "+-------------+---+----+\n\n"
        "{'day': 'Monday; or so', 'n': 'one', 'text': 'one'}\n"
    ), end
    assert end.failure is not None
    assert (end.failure.error, end.failure.message) == (
        "InputWidgetNotDefined",
        "No input widget named day is defined",
    )


def test_parameters_come_before_a_widgets_default(lake: Bench) -> None:
    lake.write(
        "main.sql",
        "-- Databricks notebook source\nCREATE WIDGET TEXT n DEFAULT '1'\n\n"
        "-- COMMAND ----------\n\nSELECT :n AS n\n\n"
        "-- COMMAND ----------\n\n-- MAGIC %python\n-- MAGIC print(_sqldf.first().n)\n",
    )
    end = lake.run(path="main.sql", parameters={"n": "5"})
    assert end.state is RunState.PASSED, end
    assert end.output.endswith("5\n")


def test_settings_fill_in_text_too(lake: Bench) -> None:
    end = lake.run(
        "spark.conf.set('my.schema', 'default')",
        "%sql SET day = 5",
        "%sql SELECT ${day} AS d FROM ${my.schema}.one",
        "print(_sqldf.first().d)",
    )
    assert end.failure is not None
    assert (end.failure.place.cell, end.failure.condition) == (3, "TABLE_OR_VIEW_NOT_FOUND")
    end = lake.run("%sql SET day = 5", "%sql SELECT ${day} AS d", "print(_sqldf.first().d)")
    assert end.output.endswith("\n5\n"), end


def test_a_failing_statement_names_its_line_and_condition(lake: Bench) -> None:
    end = lake.run("# why\n", "%sql\nSELECT 1;\n\nSELECT * FROM main.default.nowhere")
    assert end.state is RunState.FAILED
    assert end.failure is not None
    assert end.failure.place == CellPlace("main.py", 2, 4)
    assert end.failure.condition == "TABLE_OR_VIEW_NOT_FOUND"
    assert "\n" not in end.failure.message
    assert "nowhere" in end.failure.message


def test_a_query_fails_where_it_is_asked_and_though_another_follows(lake: Bench) -> None:
    end = lake.run(
        "try:\n    spark.sql('SELECT * FROM main.default.nowhere')\n"
        "except Exception as error:\n    print(type(error).__name__)",
        "%sql\nSELECT 1;\nSELECT CAST('x' AS INT);\nSELECT 2",
    )
    assert end.output == "AnalysisException\n"
    assert end.state is RunState.FAILED
    assert end.failure is not None
    assert end.failure.place == CellPlace("main.py", 2, 3)


def test_statements_that_change_no_rows_are_acknowledged(lake: Bench) -> None:
    end = lake.run(
        "spark.sql('CREATE TABLE main.default.t AS SELECT 1 AS i')",
        "print(spark.sql('OPTIMIZE main.default.t').count())",
        "%sql VACUUM main.default.t",
    )
    assert end.state is RunState.PASSED, end
    assert end.output.startswith("DataFrame[")
    assert end.output.endswith("\n0\n")
    assert [notice.partition(" ")[0] for notice in end.notices] == ["OPTIMIZE", "VACUUM"]


def test_calls_that_change_no_rows_are_acknowledged(lake: Bench) -> None:
    end = lake.run(
        "spark.catalog.clearCache()\nspark.catalog.cacheTable('x')",
        "spark.range(3).checkpoint().count()",
        "spark.range(3).cache().persist().unpersist().count()",
    )
    assert end.state is RunState.PASSED, end
    assert end.output == "3\n3\n"
    assert end.notices == (
        "catalog.clearCache is not done here; it changes no rows",
        "catalog.cacheTable is not done here; it changes no rows",
        "DataFrame.checkpoint is not done here; it changes no rows",
    )


def test_arguments_of_sql_in_queries_and_commands(lake: Bench) -> None:
    end = lake.run(
        "import datetime",
        "spark.sql('CREATE TABLE main.default.t (i INT, d DATE, s STRING)')",
        "spark.sql('INSERT INTO main.default.t VALUES (:i, :d, :s)', "
        "args={'i': 3, 'd': datetime.date(2024, 6, 30), 's': \"it's\"})",
        "print(spark.sql('SELECT * FROM main.default.t WHERE i = :i', {'i': 3}).first())",
        "print(spark.sql('SELECT {n} + 1 AS n FROM {df}', n=4, df=spark.range(1)).first().n)",
    )
    assert end.state is RunState.PASSED, end
    assert end.output.endswith('Row(i=3, d=datetime.date(2024, 6, 30), s="it\'s")\n5\n')


@pytest.mark.parametrize(
    "cell",
    [
        "sc.parallelize([1])",
        "spark.sparkContext.parallelize([1])",
        "spark.conf.get('spark.databricks.clusterUsageTags.clusterName')",
        "spark.read.format('cloudFiles').load('dbfs:/none').count()",
        "spark.range(1).toPandas().to_excel('x.xlsx')",
        "spark.read.parquet('abfss://c@account.dfs.core.windows.net/x')",
        "spark.range(1).rdd",
        "spark.sql('COPY INTO main.default.t FROM \"/x\" FILEFORMAT = CSV')",
        "try:\n    sc.broadcast(1)\nexcept Exception as e:\n    raise ValueError('no') from e",
    ],
)
def test_what_the_engine_lacks_is_no_failure_of_the_notebook(lake: Bench, cell: str) -> None:
    end = lake.run(cell)
    assert end.state is RunState.UNSUPPORTED, end


def test_an_error_in_a_function_of_sparks_is_the_functions_own(lake: Bench) -> None:
    end = lake.run(
        "@udf('int')\ndef f(x):\n    raise ValueError('in udf')",
        "spark.range(1).select(f('id')).first()",
    )
    assert end.state is RunState.FAILED
    assert end.failure is not None
    assert end.failure.place == CellPlace("main.py", 2, 1)
    assert end.failure.message == "in a Python function: ValueError: in udf"
    assert end.failure.traceback == (
        "  main.py cell 2, line 1",
        "    spark.range(1).select(f('id')).first()",
        "  main.py cell 1, line 3, in f",
        "    raise ValueError('in udf')",
        "PythonException: in a Python function: ValueError: in udf",
    )


def test_what_the_notebook_catches_is_its_own_business(lake: Bench) -> None:
    end = lake.run("try:\n    sc.parallelize([1])\nexcept Exception as error:\n    print(error)")
    assert end.state is RunState.PASSED
    assert end.output == "sc.parallelize needs a cluster: Spark Connect has no SparkContext\n"


def test_readers_and_writers_use_the_runs_files(lake: Bench) -> None:
    end = lake.run(
        "dbutils.fs.put('/Volumes/main/s/v/in.csv', 'a\\n1\\n')",
        "rows = spark.read.option('header', True).csv('/Volumes/main/s/v/in.csv')",
        "rows.write.mode('overwrite').parquet('dbfs:/out')",
        "print(spark.read.parquet('/out').first().a)",
    )
    assert end.state is RunState.PASSED, end
    assert end.output.endswith("1\n")
    assert list((lake.files / "out").glob("*.parquet"))


@pytest.mark.parametrize(
    "read",
    [
        "spark.read.csv('/nowhere/at/all.csv')",
        "spark.read.format('json').load(['dbfs:/none', '/Volumes/main/s/v/none'])",
        "spark.sql('SELECT * FROM parquet.`/Volumes/main/s/v/none`')",
    ],
)
def test_what_is_missing_is_not_read_as_empty(lake: Bench, read: str) -> None:
    end = lake.run(read)
    assert end.state is RunState.FAILED
    assert end.failure is not None
    assert end.failure.condition == "PATH_NOT_FOUND"


def test_functions_of_modules_reach_spark(lake: Bench) -> None:
    lake.write("rules.py", "import other\n\ndef twice(x):\n    return other.TWO * x\n")
    lake.write("other.py", "TWO = 2\n")
    end = lake.run(
        "import rules\nsc.setLogLevel('ERROR')\nspark.sparkContext.setLogLevel('ERROR')",
        "print(spark.range(2).select(udf(rules.twice, 'int')('id').alias('t')).collect())",
    )
    assert end.output == "[Row(t=0), Row(t=2)]\n", end


def test_sql_reads_the_runs_files(lake: Bench) -> None:
    end = lake.run(
        "dbutils.fs.put('/in/a.json', '{\"a\": 1}')",
        "%sql SELECT * FROM json.`dbfs:/in/a.json`",
        "print(_sqldf.first().a)",
    )
    assert end.output.endswith("\n1\n"), end


def test_runs_of_one_session_see_each_others_tables(lake: Bench) -> None:
    lake.notebook("spark.sql('CREATE TABLE main.default.seen AS SELECT 1 AS i')", path="a.py")
    assert lake.run(path="a.py").state is RunState.PASSED
    lake.notebook("print(spark.table('main.default.seen').count())", path="b.py")
    end = lake.run("dbutils.notebook.run('b', 60)\nprint(spark.table('main.default.seen').count())")
    assert end.output == "1\n", end
    alone = lake.run(path="b.py", session="")
    assert alone.state is RunState.FAILED


def test_a_shared_session_is_left_as_it_was_found(lake: Bench) -> None:
    lake.notebook(
        "print(spark.catalog.currentDatabase(), len(spark.catalog.listTables()))", path="b.py"
    )
    end = lake.run(
        "spark.range(1).createOrReplaceTempView('mine')",
        "%sql CREATE SCHEMA IF NOT EXISTS main.other; USE main.other",
        "%sql CREATE TEMPORARY VIEW too AS SELECT 1",
        "dbutils.notebook.run('b', 60)\nprint(spark.table('mine').count())",
    )
    assert end.state is RunState.PASSED, end
    assert end.output.endswith("1\n")
    assert lake.run(path="b.py").output == "default 0\n"


def test_display(lake: Bench) -> None:
    end = lake.run(
        "display(spark.range(30))",
        "import pandas as pd\ndisplay(pd.DataFrame({'a': range(30)}))",
        "displayHTML('<b>x</b>')\ndisplay('text')\ndisplay([1, 2])",
    )
    assert end.state is RunState.PASSED, end
    assert "only showing top 20 rows" in end.output
    assert "only showing top 20 of 30 rows" in end.output
    assert end.output.endswith("[HTML, 8 characters, is not shown]\ntext\n[1, 2]\n")


def test_pyspark_prints_nothing_of_its_own(lake: Bench) -> None:
    end = lake.run("import pyspark.pandas as ps", "spark.range(2).toPandas()['id'].tolist()")
    assert end.state is RunState.PASSED, end
    assert end.output == "[0, 1]\n"


def test_an_engine_that_dies_is_the_platforms_fault(tmp_path: Path, start: Start) -> None:
    pytest.importorskip("pysail", reason="pysail is not installed")
    running = ENGINES["sail"].start(tmp_path / "engine", ())
    bench = Bench(tmp_path, start, running.remote)
    there, gone = bench.tree / "there", bench.tree / "gone"
    bench.notebook(
        "import os, time\nspark.range(1).count()\nopen('there', 'w').close()",
        "while not os.path.exists('gone'):\n    time.sleep(0.01)\nspark.range(1).count()",
    )
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(bench.run)
        while not there.exists() and not run.done():
            time.sleep(0.01)
        running.stop()
        gone.touch()
        end = run.result()
    assert end.state is RunState.PLATFORM, end
    assert end.failure is not None
    assert end.failure.place == CellPlace("main.py", 2, 3)


def test_any_address_of_spark_connect(lake: Bench) -> None:
    end = lake.run("print(spark.range(3).count())", "%sql SELECT 1 AS i", engine="connect")
    assert end.state is RunState.PASSED, end
    assert end.output.startswith("3\n+---+\n")


def test_databricks_connect_that_is_not_installed(bench: Bench) -> None:
    if importlib.util.find_spec("databricks.connect") is not None:
        pytest.skip("databricks-connect is installed")
    end = bench.run("spark", engine="connect", remote="", connect={"host": "https://127.0.0.1"})
    assert end.state is RunState.PLATFORM
    assert end.failure is not None
    assert end.failure.message == (
        "databricks-connect is not installed: python -m pip install databricks-connect"
    )
