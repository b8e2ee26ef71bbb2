"""A project of our own to plant defects in: areas of a lakehouse, each with notebooks that run
one another, a package below ``src/`` and job files of every kind.

Names, formats and order differ from area to area by the seed, so that twenty defects of a kind are
twenty different ones.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import project_jobs
from project_files import Files, Notebook

NAMES = (
    *("orders", "customers", "products", "stores", "returns", "payments", "shipments"),
    *("suppliers", "campaigns", "coupons", "invoices", "prices", "stock", "visits", "reviews"),
    *("contracts", "employees", "vehicles", "routes", "energy"),
)

_WORDS: dict[str, Sequence[str]] = {
    "day": ("run_date", "load_date", "business_date", "as_of_date", "reporting_day"),
    "mode": ("load_mode", "write_mode", "refresh_mode", "strategy"),
    "stage": ("environment", "deployment", "landscape"),
    "limit": ("max_failures", "error_budget", "tolerance", "threshold"),
    "market": ("market", "country", "sales_region"),
    "catalog": ("CATALOG", "LAKEHOUSE", "DATABASE"),
    "table_of": ("table_of", "full_name", "qualified"),
    "parse": ("parse_day", "to_day", "day_from_text"),
    "previous": ("previous_day", "day_before", "yesterday_of"),
    "read": ("read_table", "load_table", "source_of"),
    "since": ("load_since", "rows_since", "changes_since"),
    "save": ("save_table", "write_table", "store_rows"),
    "apply": ("apply_rules", "with_rules", "checked_rows"),
    "count": ("count_failures", "failures_of", "broken_rows"),
    "label": ("short_label", "display_name", "caption"),
    "clean": ("normalise", "clean_text", "squeeze"),
    "summary": ("summarise", "totals_of", "overview"),
}


@dataclass(frozen=True)
class Area:
    """One area: its folder below ``notebooks/``, its package below ``src/``, its words."""

    number: int
    name: str
    words: dict[str, str]

    @property
    def folder(self) -> str:
        return f"notebooks/{self.name}"

    @property
    def package(self) -> str:
        return f"{self.name}_lib"


def areas(rng: random.Random) -> list[Area]:
    return [
        Area(number, name, {role: rng.choice(words) for role, words in _WORDS.items()})
        for number, name in enumerate(NAMES)
    ]


def project(chosen: Sequence[Area], rng: random.Random) -> Files:
    """The files of all areas and the bundle's root file."""
    files: Files = {
        "databricks.yml": project_jobs.bundle_root(),
        "dbxgate.toml": 'workspace_roots = { "/Workspace/Shared/lakehouse" = "." }\n',
    }
    for area in chosen:
        notebooks = _notebooks(area, rng)
        endings = {PurePosixPath(path).stem: PurePosixPath(path).suffix for path in notebooks}
        files |= notebooks
        files |= _modules(area)
        files |= project_jobs.files(area.number, area.name, area.words, endings)
    return files


def _notebooks(area: Area, rng: random.Random) -> Files:
    """The notebooks; the Python ones as source or as ``.ipynb``, by chance."""
    files: Files = {}
    for name, cells in {
        "00_config": _config(area),
        "utils/dates": _dates(area),
        "utils/tables": _tables(area),
        "01_ingest": _ingest(area, rng),
        "03_report": _report(area, rng),
        "04_quality": _quality(area),
        "06_run_all": _run_all(area),
    }.items():
        ending = rng.choice((".py", ".py", ".ipynb"))
        files[f"{area.folder}/{name}{ending}"] = Notebook("python", tuple(cells))
    files[f"{area.folder}/02_clean.sql"] = Notebook("sql", tuple(_clean(area)))
    files[f"{area.folder}/05_export.scala"] = Notebook("scala", tuple(_export(area)))
    return files


def _config(area: Area) -> list[str]:
    w = area.words
    return [
        f"%md\n# Settings of {area.name}",
        f'dbutils.widgets.dropdown("{w["stage"]}", "dev", ["dev", "test", "prod"])\n'
        f'stage = dbutils.widgets.get("{w["stage"]}")',
        f'{w["catalog"]} = f"retail_{{stage}}"\nLAYERS = ("bronze", "silver", "gold")',
        f"def {w['table_of']}(layer, name):\n"
        "    if layer not in LAYERS:\n"
        "        raise ValueError(layer)\n"
        f'    return f"{{{w["catalog"]}}}.{{layer}}.{{name}}"',
    ]


def _dates(area: Area) -> list[str]:
    w = area.words
    return [
        "%md\nDays, as all notebooks of this folder read them",
        "import calendar\nfrom datetime import date, timedelta",
        f"def {w['parse']}(text):\n    return date.fromisoformat(text)",
        f"def {w['previous']}(day):\n    return day - timedelta(days=1)\n\n\n"
        "def days_of_month(day):\n    return calendar.monthrange(day.year, day.month)[1]",
    ]


def _tables(area: Area) -> list[str]:
    w = area.words
    return [
        '%run "./dates"' if area.number % 3 == 0 else "%run ./dates",
        "from functools import reduce\n\nfrom pyspark.sql import functions as F",
        f"def {w['read']}(name):\n    return spark.table(name)",
        f"def {w['since']}(name, text):\n"
        f"    day = {w['previous']}({w['parse']}(text))\n"
        f'    return {w["read"]}(name).where(F.col("day") >= F.lit(day))',
        f"def {w['save']}(rows, name, mode):\n"
        '    how = "append" if mode == "incremental" else "overwrite"\n'
        "    rows.write.mode(how).saveAsTable(name)\n\n\n"
        "def union_of(tables):\n    return reduce(lambda one, two: one.unionByName(two), tables)",
    ]


def _ingest(area: Area, rng: random.Random) -> list[str]:
    w, name, lib = area.words, area.name, area.package
    widgets = [
        f'dbutils.widgets.text("{w["day"]}", "2024-06-30", "Day")',
        f'dbutils.widgets.dropdown("{w["mode"]}", "incremental", ["incremental", "full"])',
    ]
    rng.shuffle(widgets)
    return [
        f"%md\n# Ingest {name}\nRuns before everything else.",
        "\n".join(widgets),
        f'%run ./00_config ${w["stage"]}="dev"',
        "%run ./utils/tables",
        f"import json\n\nfrom {lib} import text\n"
        f"from {lib}.rules import {w['apply']}, {w['count']}",
        f'day = dbutils.widgets.get("{w["day"]}")\nmode = dbutils.widgets.get("{w["mode"]}")',
        f'token = dbutils.secrets.get("lakehouse", "{name}-api")\nheaders = {{"x-api-key": token}}',
        f'source = {w["table_of"]}("bronze", "{name}")\n'
        f"rows = {w['since']}(source, day)\nrows = {w['apply']}(rows)",
        f"titles = [text.{w['label']}(column) for column in rows.columns]\n"
        'print(", ".join(titles))',
        f'{w["save"]}(rows, {w["table_of"]}("silver", "{name}"), mode)',
        f"%sql\nSELECT count(*) AS loaded\nFROM silver.{name}\nWHERE day = :{w['day']}",
        f"failures = {w['count']}(rows)\n"
        'dbutils.notebook.exit(json.dumps({"failures": failures}))',
    ]


def _clean(area: Area) -> list[str]:
    w, name = area.words, area.name
    return [
        f"%md\n# Clean {name}",
        f"CREATE WIDGET TEXT {w['day']} DEFAULT '2024-06-30'",
        f"CREATE WIDGET DROPDOWN {w['market']} DEFAULT 'NL' CHOICES\n"
        "SELECT * FROM (VALUES ('NL'), ('BE'), ('DE'))",
        f"CREATE OR REPLACE TABLE silver.{name}_clean AS\n"
        f"SELECT *\nFROM silver.{name}\nWHERE day = :{w['day']}\n  AND market = :{w['market']}",
        f"SELECT market, count(*) AS rows\nFROM silver.{name}_clean\n"
        f"WHERE market = :{w['market']}\nGROUP BY market",
    ]


def _report(area: Area, rng: random.Random) -> list[str]:
    w, name, lib = area.words, area.name, area.package
    restart = rng.choice(("%restart_python", "dbutils.library.restartPython()"))
    return [
        "%pip install tabulate==0.9.0",
        restart,
        f'%run ./00_config ${w["stage"]}="test"',
        "%run ./utils/tables",
        f"import statistics\nfrom collections import Counter\n\nimport {lib}.text as texts\n"
        "from tabulate import tabulate",
        f'dbutils.widgets.text("{w["market"]}", "NL")\n'
        f'market = dbutils.widgets.get("{w["market"]}")',
        f"def {w['summary']}(values):\n"
        '    return {"mean": statistics.mean(values), "most": max(values)}',
        f'rows = {w["read"]}({w["table_of"]}("gold", "{name}"))\n'
        'chosen = rows.where(F.col("market") == market)',
        'amounts = [row.amount for row in chosen.select("amount").collect()]\n'
        f"totals = {w['summary']}(amounts)",
        f"most = Counter(amounts).most_common(3)\ntitle = texts.{w['clean']}(market)\nprint(title)",
        "print(tabulate([*totals.items(), *most]))",
    ]


def _quality(area: Area) -> list[str]:
    w, name, lib = area.words, area.name, area.package
    return [
        f"%md\n# What {name} must hold",
        f"import math\nimport re\n\nfrom {lib}.rules import {w['count']}",
        f'dbutils.widgets.text("{w["limit"]}", "0")\n'
        f'limit = int(dbutils.widgets.get("{w["limit"]}"))',
        "%run ./utils/tables",
        f'%run ./00_config ${w["stage"]}="prod"',
        f'pattern = re.compile(r"^[a-z_]+$")\ntable = {w["table_of"]}("silver", "{name}")',
        f"rows = {w['read']}(table)\n"
        "wrong = [each for each in rows.columns if not pattern.match(each)]",
        f"share = math.ceil(100 * {w['count']}(rows) / max(1, rows.count()))",
        "if share > limit or wrong:\n"
        '    raise AssertionError(f"{share} % of the rows, columns {wrong}")',
    ]


def _export(area: Area) -> list[str]:
    w, name = area.words, area.name
    return [
        f"%md\n# Export {name}",
        f'dbutils.widgets.text("{w["market"]}", "NL", "Market")\n'
        f'dbutils.widgets.dropdown("{w["mode"]}", "full", Seq("full", "incremental"))',
        f'val market = dbutils.widgets.get("{w["market"]}")\n'
        f'val mode = dbutils.widgets.get("{w["mode"]}")',
        f'val rows = spark.table("gold.{name}").where($"market" === market)',
        f'rows.write.mode(if (mode == "full") "overwrite" else "append").parquet("/mnt/{name}")',
    ]


def _run_all(area: Area) -> list[str]:
    w = area.words
    return [
        f"%md\n# All of {area.name}, by hand",
        f'dbutils.widgets.text("{w["day"]}", "2024-06-30")\n'
        f'dbutils.widgets.combobox("{w["market"]}", "NL", ["NL", "BE"])',
        f'day = dbutils.widgets.get("{w["day"]}")\nmarket = dbutils.widgets.get("{w["market"]}")',
        f'answer = dbutils.notebook.run("./01_ingest", 1800, {{"{w["day"]}": day}})\nprint(answer)',
        f'dbutils.notebook.run("./03_report", 600, {{"{w["market"]}": market}})\n'
        f'dbutils.notebook.run("./04_quality", 600, {{"{w["limit"]}": "5"}})',
    ]


def _modules(area: Area) -> Files:
    w = area.words
    folder = f"src/{area.package}"
    return {
        f"{folder}/__init__.py": f'"""What the notebooks of {area.name} share."""\n',
        f"{folder}/rules.py": (
            "from pyspark.sql import functions as F\n\n"
            'REQUIRED = ("id", "day")\n\n\n'
            f"def {w['apply']}(rows):\n"
            '    return rows.withColumn("checked", F.lit(True))\n\n\n'
            f"def {w['count']}(rows):\n"
            "    return rows.where(~F.col(REQUIRED[0]).isNotNull()).count()\n"
        ),
        f"{folder}/text.py": (
            f'def {w["label"]}(name):\n    return name.replace("_", " ").title()\n\n\n'
            f'def {w["clean"]}(text):\n    return " ".join(text.split())\n'
        ),
    }
