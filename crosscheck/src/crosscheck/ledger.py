"""The tolerance baseline: the largest distances measured so far, committed so that none grows unnoticed."""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Mapping

from . import UsageError
from .files import read_toml, write_text

PATH = pathlib.Path(__file__).parent / "ledger.toml"
HEADER = """\
# The tolerance baseline: the largest distance of any stage from the oracle, in eps, by computation and dtype.
# Written by `crosscheck run --update-ledger`, which never lowers an entry, since another processor may have set it:
# entries are maxima over the settings of `tox -e processors`. A cell fails beyond SLACK times its entry. Raising an
# entry requires `--reason`, which is recorded here.
"""
SLACK = 4.0
LEAST = 4.0  # eps, always allowed: a different kernel for exp may differ by this much


class Ledger:
    """distances[computation][dtype], and reasons[computation][dtype] for entries that were raised."""

    def __init__(self, distances: dict[str, dict[str, float]], reasons: dict[str, dict[str, str]]):
        self.distances = distances
        self.reasons = reasons

    @classmethod
    def read(cls, path: pathlib.Path = PATH) -> Ledger:
        if not path.exists():
            return cls({}, {})
        data = read_toml(path)
        ledger = cls(data.get("distance", {}), data.get("reason", {}))
        for table, kind in ((ledger.distances, (int, float)), (ledger.reasons, str)):
            rows = table.values() if isinstance(table, dict) else [None]
            if not all(
                isinstance(row, dict) and all(isinstance(entry, kind) for entry in row.values()) for row in rows
            ):
                raise UsageError(
                    f"{path} is damaged: expected tables [distance.NAME] of numbers, [reason.NAME] of texts"
                )
        return ledger

    def allowed(self, computation: str, dtype: str) -> float | None:
        """The distance allowed for a cell, or None if there is no entry for it."""
        entry = self.distances.get(computation, {}).get(dtype)
        return None if entry is None else max(LEAST, SLACK * entry)

    def add(self, measured: Mapping[tuple[str, str], float]) -> list[str]:
        """Add entries for new computations; existing entries do not change."""
        known = {(name, dtype): value for name, entries in self.distances.items() for dtype, value in entries.items()}
        return self.update({**measured, **known}, None)

    def update(self, measured: Mapping[tuple[str, str], float], reason: str | None) -> list[str]:
        """Merge a full run; entries never fall. Without a reason, return those that would rise, and change nothing."""
        rounded = {key: float(f"{value:.3g}") for key, value in sorted(measured.items())}
        raised = {
            (name, dtype): f"{name} {dtype}: {self.distances[name][dtype]:.3g} -> {value:.3g}"
            for (name, dtype), value in rounded.items()
            if value > self.distances.get(name, {}).get(dtype, math.inf)
        }
        if raised and not reason:
            return list(raised.values())
        distances: dict[str, dict[str, float]] = {}
        reasons: dict[str, dict[str, str]] = {}
        for (name, dtype), value in rounded.items():
            distances.setdefault(name, {})[dtype] = max(value, self.distances.get(name, {}).get(dtype, 0.0))
            why = reason if (name, dtype) in raised else self.reasons.get(name, {}).get(dtype)
            if why:
                reasons.setdefault(name, {})[dtype] = why
        self.distances, self.reasons = distances, reasons
        return []

    def write(self, path: pathlib.Path = PATH) -> None:
        lines = [HEADER]
        for name, entries in self.distances.items():
            lines.append(f"[distance.{name}]")
            lines.extend(f"{dtype} = {value:g}" for dtype, value in sorted(entries.items()))
            lines.append("")
        for name, reasons in self.reasons.items():
            lines.append(f"[reason.{name}]")
            lines.extend(
                f"{dtype} = {json.dumps(reason, ensure_ascii=False)}" for dtype, reason in sorted(reasons.items())
            )
            lines.append("")
        try:
            write_text(path, "\n".join(lines).rstrip() + "\n")
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from error
