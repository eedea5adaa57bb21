"""``python -m tests.bench.capacity``: writes the tables of docs/capacity.md from the figures in ``build/bench.json``.

The figures are those of the row ``bytes``: ``make bench ONLY=bytes REPEAT=1``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from frikort_contracts.topics import PARTITIONS

from deploy.local.config import REPOSITORY
from deploy.local.system import SERVICES
from tests.bench.report import RESULT

PAGE: Final = REPOSITORY / "docs" / "capacity.md"
REPORTS_A_YEAR: Final = (10**5, 10**6, 10**7, 10**8)
ALONE: Final = "bytes, one report at a time"
IN_A_FILE: Final = "bytes, payroll file"
_ENGINES: Final = ("kafka", "mongodb")
_REPLICAS: Final = 3
# Half of a month's reports come on three days, in ten hours a day; the busiest minute has five times their average.
_BUSIEST_DAY: Final = 1 / 12 / 2 / 3
_BUSIEST_SECOND: Final = _BUSIEST_DAY / (10 * 3600) * 5
_OUTCOMES_KEPT: Final = 90 / 365
_OUTCOMES: Final = "B frikort.outcomes.v1"

_DISK: Final = "B MongoDB's disk"
_STORED: Final = {
    "**Kafka**": "B Kafka",
    "commands": r"B frikort\.\w+\.commands\.v1",
    "`frikort.earnings.v1`": r"B frikort\.earnings\.v1",
    "`frikort.balances.v1`": r"B frikort\.balances\.v1",
    "the two authorities' feeds": r"B frikort\.authority\..*",
    "`frikort.outcomes.v1`, for 90 days": r"B frikort\.outcomes\.v1",
    "**MongoDB, on the disk** (documents and indexes, compressed)": _DISK,
    "MongoDB, documents before compression": "B MongoDB's documents",
    "of them stored commands and answers (`submissions`)": r"B frikort_gateway\.submissions",
    "of them read models of the gateway": r"B frikort_gateway\.(cards|employments|reports|ledgers|outcomes)",
    "of them the documents of reporting, balance and exports": r"B frikort_(reporting|balance|exports)\..*",
    "of them the audit log": r"B frikort_gateway\.accesses",
    "**oplog**, passing through": "B oplog",
}
"""The rows of the first table: which figures of the benchmark add up to each."""

Figures = Mapping[str, float]


class Cost(NamedTuple):
    """What a report costs: the mean of one through the API and one in a file, half of each."""

    alone: Figures
    in_a_file: Figures

    def mean(self, figure: str) -> float:
        """A figure of the average report."""
        return (self.alone.get(figure, 0.0) + self.in_a_file.get(figure, 0.0)) / 2

    @property
    def kafka_bytes(self) -> float:
        """What a broker still has of a report after a year: outcomes expire."""
        return self.mean("B Kafka") - self.mean(_OUTCOMES) * (1 - _OUTCOMES_KEPT)


def milliseconds(figures: Figures, names: Iterable[str]) -> float:
    """The processor time of these processes for a report."""
    return sum(figures.get(f"ms of {name}", 0.0) for name in names)


def processes_table(cost: Cost) -> list[str]:
    """The processor time of a report, by process."""
    names = [service.name for service in SERVICES]
    rows = {name: [name] for name in (*names, *_ENGINES)} | {"**sum**": [*names, *_ENGINES]}
    return [
        "| processor time of a report, ms | through the API, at 20 a second | a line of a file |",
        "|---|---|---|",
        *(
            f"| {what} | " + " | ".join(_short(milliseconds(of, of_row)) for of in cost) + " |"
            for what, of_row in rows.items()
        ),
    ]


def bytes_table(cost: Cost) -> list[str]:
    """The bytes of a report, by what stores them."""
    lines = ["| bytes of a report, on each replica | through the API | a line of a file |", "|---|---|---|"]
    for what, pattern in _STORED.items():
        sums = [sum(size for name, size in of.items() if re.fullmatch(pattern, name)) for of in cost]
        lines.append(f"| {what} | " + " | ".join(f"{size:,.0f}" for size in sums) + " |")
    return lines


def model_table(cost: Cost) -> list[str]:
    """What the reports of a year need."""
    ours = [service.name for service in SERVICES]
    busiest = max(ours, key=lambda name: cost.alone.get(f"ms of {name}", 0.0) if name != "gateway" else 0.0)
    per_second = [reports * _BUSIEST_SECOND for reports in REPORTS_A_YEAR]
    rows: dict[str, Sequence[str]] = {
        "busiest minute, reports a second": [_short(rate) for rate in per_second],
        "Kafka, a broker and year": [_bytes(reports * cost.kafka_bytes) for reports in REPORTS_A_YEAR],
        "MongoDB, a member and year": [_bytes(reports * cost.mean(_DISK)) for reports in REPORTS_A_YEAR],
        "after ten years, a broker and a member": [
            f"{_bytes(10 * reports * cost.kafka_bytes)} and {_bytes(10 * reports * cost.mean(_DISK))}"
            for reports in REPORTS_A_YEAR
        ],
        "oplog of the busiest day": [
            _bytes(reports * _BUSIEST_DAY * cost.mean("B oplog")) for reports in REPORTS_A_YEAR
        ],
        "processor of the busiest minute, if all came through the API: processes": [
            _cores(rate * milliseconds(cost.alone, ours)) for rate in per_second
        ],
        f"of it one of the {PARTITIONS} partitions of {busiest}, which one core carries": [
            _cores(rate * milliseconds(cost.alone, [busiest]) / PARTITIONS) for rate in per_second
        ],
        "the same, three brokers and three members, each as busy as the one measured": [
            _cores(_REPLICAS * rate * milliseconds(cost.alone, _ENGINES)) for rate in per_second
        ],
        "a payroll file of 100,000 lines, one replica": [
            f"{100 * milliseconds(cost.in_a_file, (*ours, *_ENGINES)):,.0f} core seconds"
        ]
        + ["the same"] * (len(REPORTS_A_YEAR) - 1),
    }
    head = "| reports a year | " + " | ".join(f"10{_raised(reports)}" for reports in REPORTS_A_YEAR) + " |"
    return [
        head,
        "|---" * (1 + len(REPORTS_A_YEAR)) + "|",
        *(f"| {what} | " + " | ".join(cells) + " |" for what, cells in rows.items()),
    ]


TABLES: Final = {"bytes": bytes_table, "processes": processes_table, "model": model_table}


def with_tables(page: str, cost: Cost) -> str:
    """The page with its tables written again. Raises ``ValueError`` if it has no place for one."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: written by python -m tests.bench.capacity -->", f"<!-- end of {name} -->"
        text = "\n".join([begin, "", *table(cost), "", end])
        before, first, rest = page.partition(begin)
        _, last, after = rest.partition(end)
        if not (first and last):
            raise ValueError(f"the page has no place for the table {name}")
        page = before + text + after
    return page


def cost_of(result: Mapping[str, Any]) -> Cost:
    """The cost in the contents of ``build/bench.json``. Raises ``ValueError`` if the row was not measured."""
    medians = result["medians"]
    if not (medians.get(ALONE) and medians.get(IN_A_FILE)):
        raise ValueError("make bench ONLY=bytes REPEAT=1 has not measured both cases")
    return Cost(medians[ALONE], medians[IN_A_FILE])


def main(result: Path = RESULT, page: Path = PAGE) -> int:
    """Write the tables. Returns the exit code."""
    try:
        page.write_text(with_tables(page.read_text(), cost_of(json.loads(result.read_text()))))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}"


def _cores(milliseconds_a_second: float) -> str:
    cores = milliseconds_a_second / 1000
    return f"{_short(cores) if cores >= 0.95 else f'{cores:.2f}'} cores"


def _bytes(count: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9)):
        if count >= size:
            return f"{_short(count / size)} {unit}"
    return f"{count / 1e6:,.0f} MB"


def _raised(number: int) -> str:
    return "⁰¹²³⁴⁵⁶⁷⁸⁹"[len(str(number)) - 1]


if __name__ == "__main__":
    sys.exit(main())
