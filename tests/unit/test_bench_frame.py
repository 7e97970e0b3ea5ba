"""The benchmark's frame: what a row says, which cases a word means, what the file and the exit code tell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.measure import Bench, Pairs, percentile
from benchmarks.rows import HEADINGS, Bound, as_json, as_tabs, exit_code, number, row
from benchmarks.selection import CASES, select

ROOT = Path(__file__).resolve().parents[2]
AT_LEAST_3 = Bound("ratio", ">=", 3)
AT_MOST_100 = Bound("value", "<=", 100)


@pytest.mark.parametrize(
    ("made", "holds"),
    [
        (row("r", "/s", 30, peer_value=10, bound=AT_LEAST_3), True),
        (row("r", "/s", 29, peer_value=10, bound=AT_LEAST_3), False),
        (row("r", "/s", 10, peer_value=10, ratio=3.5, bound=AT_LEAST_3), True),
        (row("r", "/s", 10, bound=AT_LEAST_3), False),
        (row("r", "ms", 100, bound=AT_MOST_100), True),
        (row("r", "ms", 100.1, bound=AT_MOST_100), False),
        (row("r", "ms", 1000), None),
    ],
)
def test_a_bound_judges_the_ratio_or_the_value_and_a_ratio_never_taken_keeps_no_promise(made, holds):
    assert made.holds is holds


def test_the_ratio_is_the_median_over_pairs_so_one_disturbed_run_does_not_decide():
    pairs = Pairs(ours=(1.0, 1.0, 50.0), theirs=(3.0, 4.0, 3.0))
    rates = pairs.rates("r", "things/s", 12, "them", AT_LEAST_3)
    assert (rates.value, rates.peer_value, rates.ratio, rates.holds) == (12, 4, 3, True)
    times = pairs.times("t", "ms", 1000, "them", None)
    assert (times.value, times.peer_value, times.ratio) == (1000, 3000, 1 / 3)


def test_pairs_are_interleaved_each_side_first_in_every_second_pair_and_undone_after_every_run():
    seen: list[str] = []
    bench = Bench(quick=True, wanted=frozenset(), say=lambda _: None)
    pairs = bench.pairs(2, lambda: seen.append("ours"), lambda: seen.append("theirs"), lambda: seen.append("undone"))
    assert seen == ["ours", "undone", "theirs", "undone", "theirs", "undone", "ours", "undone"]
    assert (len(pairs.ours), len(pairs.theirs)) == (2, 2)


STARTS = """
import os, subprocess
from benchmarks.measure import Alone
alone = Alone()
starts = {
    "subprocess.Popen": lambda: subprocess.run(["true"]),
    "os.system": lambda: os.system("true"),
    "os.posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "os.fork": lambda: os.fork() or os._exit(0),
}
for event, start in starts.items():
    start()
    try:
        with alone:
            start()
    except RuntimeError as error:
        print(error)
    start()
"""


def test_where_no_process_may_be_started_whoever_tries_fails_and_not_before_or_after():
    """In an interpreter of its own, which keeps the hook."""
    done = subprocess.run([sys.executable, "-c", STARTS], cwd=ROOT, check=True, capture_output=True, text=True)
    events = ("subprocess.Popen", "os.system", "os.posix_spawn", "os.fork")
    assert done.stdout.splitlines() == [f"{event}: a process is started where none may be" for event in events]


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (0, 1), (1, 1), (1.5, 2)])
def test_a_percentile_is_one_of_the_values(percent, value):
    assert percentile(range(100, 0, -1), percent) == value


def test_the_file_is_a_list_of_objects_with_the_agreed_keys():
    rows = [row("fdb", "/s", 6.0, peer="ip", peer_value=2.0, bound=AT_LEAST_3), row("api-p50", "ms", 7.5)]
    told = json.loads(as_json(rows))
    assert told[0] == {
        "name": "fdb",
        "unit": "/s",
        "value": 6.0,
        "peer": "ip",
        "peer_value": 2.0,
        "ratio": 3.0,
        "bound": "ratio >= 3",
        "holds": True,
    }
    assert list(told[1]) == list(told[0])
    assert (told[1]["peer"], told[1]["ratio"], told[1]["bound"], told[1]["holds"]) == (None, None, None, None)
    assert json.loads(as_json([])) == []


def test_on_a_pipe_the_table_is_lines_of_cells_between_tabs():
    lines = as_tabs([row("fdb", "/s", 12345.6, peer="ip", peer_value=2.0, bound=AT_LEAST_3), row("x", "ms", 0.00123)]).splitlines()
    assert lines[0].split("\t") == list(HEADINGS)
    assert lines[1].split("\t") == ["fdb", "12,346", "/s", "2", "6172.80", "ratio >= 3", "yes", "ip"]
    assert lines[2].split("\t")[1] == "0.00123"
    assert {len(line.split("\t")) for line in lines} == {len(HEADINGS)}


def test_a_number_keeps_three_digits_or_its_whole_part():
    assert [number(value) for value in (0.0, 0.5, 99.95, 100, 1234567.8)] == ["0", "0.5", "100", "100", "1,234,568"]


@pytest.mark.parametrize(
    ("rows", "failed", "code"),
    [
        ([row("r", "ms", 1, bound=AT_MOST_100), row("s", "ms", 1)], [], 0),
        ([row("r", "ms", 101, bound=AT_MOST_100)], [], 1),
        ([row("r", "ms", 1)], ["noop"], 1),
        ([], [], 0),
    ],
)
def test_the_exit_code_says_whether_every_promise_held_and_every_case_ended(rows, failed, code):
    assert exit_code(rows, failed) == code


def test_without_a_word_everything_is_meant():
    assert select("") == {case: frozenset(rows) for case, rows in CASES.items()}


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("noop", {"noop": {"noop"}}),
        ("fdb-processes", {"fdb": {"fdb-processes"}}),
        ("fdb", {"fdb": {"fdb", "fdb-processes"}}),
        ("path1", {"path100k": {"path100k", "path100k-flat"}}),
        ("p99", {"drift": {"drift-p99"}, "api": {"api-p99"}, "lists": {"lists-p99"}, "why": {"why-p99"}}),
        ("noop, drift-p50", {"noop": {"noop"}, "drift": {"drift-p50"}}),
    ],
)
def test_a_word_means_a_name_or_how_names_begin_or_a_part_of_them(word, meant):
    chosen = {case: set(rows) for case, rows in select(word).items()}
    assert {case: rows for case, rows in chosen.items() if not (word == "p99" and case == "guest")} == meant


def test_an_unknown_word_is_told_with_the_words_there_are(capsys, tmp_path):
    kept = tmp_path / "bench.json"
    assert main(["--only", "nonsense", "--json", str(kept)]) == 2
    assert "'nonsense'" in (told := capsys.readouterr().err)
    assert "fdb-processes" in told
    assert not kept.exists()


def test_every_case_has_its_file_and_every_file_its_case():
    files = {path.stem for path in (ROOT / "benchmarks" / "cases").glob("*.py")} - {"__init__"}
    assert files == set(CASES)
