"""Cron expressions and time zones of schedules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.checks.references.jobs import timezones
from pytest_dbxgate.checks.references.jobs.quartz import problem


@pytest.mark.parametrize(
    "expression",
    [
        "0 30 4 * * ?",
        "20 30 * * * ?",
        "0 0/15 8-18 ? * MON-FRI",
        "0 0 12 1/5 * ? 2025-2030",
        "0 0 10 L * ?",
        "0 0 10 L-3W * ?",
        "0 0 10 15W * ?",
        "0 0 10 ? * 6#3",
        "0 0 10 ? * FRIL",
        "0 0 10 ? JAN,jul mon",
        "*/10 * * * * ?",
        "/5 * * * * ?",
        "0 0 22-2 * * ?",
        "  0 0 4 * * ?  ",
    ],
)
def test_right(expression: str) -> None:
    assert problem(expression) == ""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 4 * * *", "5 fields where Quartz wants 6 or 7"),
        ("", "0 fields where Quartz wants 6 or 7"),
        ("daily", "1 field where Quartz wants 6 or 7"),
        ("0 0 0 * * *", "either the day of month or the day of week must be `?`, and not both"),
        ("0 0 0 ? * ?", "either the day of month or the day of week must be `?`, and not both"),
        ("0 60 4 * * ?", "`60` is out of range in the minutes"),
        ("0 0 24 * * ?", "`24` is out of range in the hours"),
        ("0 0 4 32 * ?", "`32` is out of range in the day of month"),
        ("0 0 4 ? * 0", "`0` is out of range in the day of week"),
        ("0 0 4 ? * MOND", "`MOND` is out of range in the day of week"),
        ("0 0 4 ? 13 MON", "`13` is out of range in the month"),
        ("0 0 4 * * ? 24", "`24` is out of range in the year"),
        ("0 0/0 4 * * ?", "a step of 0 is out of range in the minutes"),
        ("0 1,,2 4 * * ?", "`` makes no sense in the minutes"),
        ("0 1--2 4 * * ?", "`1--2` makes no sense in the minutes"),
    ],
)
def test_wrong(expression: str, expected: str) -> None:
    assert problem(expression) == expected


@given(st.text())
def test_no_text_raises(text: str) -> None:
    problem(text)


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "UTC", "GMT+02:00", "US/Pacific", "PST", "Japan", "Etc/GMT-3"]
)
def test_time_zones(name: str) -> None:
    assert timezones.is_known(name)


def test_unknown_time_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezones, "_names", lambda: frozenset({"Europe/Berlin", "Asia/Tokyo"}))
    timezones.is_known.cache_clear()
    assert not timezones.is_known("Europe/Berln")
    assert timezones.near("Europe/Berln") == "Europe/Berlin"
    assert timezones.near("Tokyo") == "Asia/Tokyo"
    assert timezones.near("nowhere") == ""
    timezones.is_known.cache_clear()


def test_without_a_database_nothing_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezones, "_names", frozenset)
    timezones.is_known.cache_clear()
    assert timezones.is_known("Europe/Nowhere")
    timezones.is_known.cache_clear()
