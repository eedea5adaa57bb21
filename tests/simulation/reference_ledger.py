"""The reference model of a ledger: every event splits all reports of the year again, in order of acceptance."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.topic_reader import Message


@dataclass
class Line:
    """A report of the ledger; amounts in øre."""

    total: int
    revision: int
    cvr: str
    exempt: int = 0


@dataclass
class Year:
    """The ledger of a card and year: its reports in order of acceptance, and the warnings in force."""

    lines: dict[str, Line] = field(default_factory=dict)
    allowance: int = 0
    version: str = ""
    changes: int = 0
    in_force: set[str] = field(default_factory=set)
    raised: Counter[str] = field(default_factory=Counter)
    withdrawn: Counter[str] = field(default_factory=Counter)

    def apply(self, event: Message) -> list[str]:
        """Apply an earnings event. Returns the other reports whose split changed."""
        data, before = event.data, {name: line.exempt for name, line in self.lines.items()}
        line = self.lines.setdefault(data["report_id"], Line(0, 0, data["cvr"]))
        line.total, line.revision = data.get("total", 0), data["revision"]
        if not self.version:
            self.allowance, self.version = data.get("allowance", 0), data.get("allowance_version", "")
        self._split()
        return [n for n, e in before.items() if n != data["report_id"] and self.lines[n].exempt != e]

    def settle(self, allowance: int, version: str) -> None:
        """Split by other amounts."""
        self.allowance, self.version = allowance, version
        self._split()

    def _split(self) -> None:
        self.changes += 1
        left = self.allowance
        for each in self.lines.values():
            each.exempt = max(0, min(each.total, left))
            left -= each.exempt
        self._warn()

    @property
    def reported(self) -> int:
        return sum(line.total for line in self.lines.values())

    @property
    def exempt(self) -> int:
        return sum(line.exempt for line in self.lines.values())

    def _warn(self) -> None:
        if not self.allowance:
            return
        true = {
            name
            for name, is_true in (
                ("near", self.reported * 10 >= self.allowance * 8),
                ("reached", self.reported >= self.allowance),
                ("exceeded", self.reported > self.allowance),
            )
            if is_true
        }
        self.raised.update(true - self.in_force)
        self.withdrawn.update(self.in_force - true)
        self.in_force = true
