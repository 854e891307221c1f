"""Planted bugs are detected, and mistakes in planting are reported."""

import dataclasses

import pytest

from crosscheck import UsageError
from crosscheck.faults import Fault, plant, planted, read_faults, run_faults
from crosscheck.stages import STAGES

FAULTS = read_faults()
STAGE1 = STAGES[0]  # `tox run -e faults` runs the faults of all stages, which takes half an hour
SOUND = Fault(1, "sound", "functions/elementwise.py", "return 2 * x * gy", "return 2 * x * gy")


def test_planted_bugs_are_detected_and_the_unplanted_copy_is_green():
    bugs = [fault for fault in FAULTS if fault.stage == 1]
    verdicts = {verdict.name: verdict for verdict in run_faults(bugs)}
    assert verdicts.pop("stage1 unplanted").result == "missed"
    assert len(verdicts) == len(bugs)
    assert {name: verdict.text for name, verdict in verdicts.items() if verdict.result != "detected"} == {}
    assert all("crosscheck-faults-" in verdict.path for verdict in verdicts.values())


def test_what_is_no_bug_is_missed_and_what_does_not_run_is_invalid():
    same = SOUND
    unparsable = dataclasses.replace(SOUND, name="unparsable", new="return 2 *")
    unimportable = dataclasses.replace(SOUND, name="unimportable", old="import numpy as np", new="import numpi as np")
    nameless = dataclasses.replace(SOUND, name="nameless", file="functions/__init__.py", old=", exp, square", new="")
    results = {verdict.name: verdict.result for verdict in run_faults([same, unparsable, unimportable, nameless])}
    del results["stage1 unplanted"]
    assert results.pop("stage1/sound") == "missed"
    assert results == {f"stage1/{name}": "invalid" for name in ("unparsable", "unimportable", "nameless")}


def test_a_hang_is_no_detection_and_the_next_fault_is_judged_all_the_same():
    hang = dataclasses.replace(SOUND, name="hang", new="while True: pass")
    sign = dataclasses.replace(SOUND, name="sign", new="return -2 * x * gy")
    results = {verdict.name: verdict.result for verdict in run_faults([hang, sign], limit=4)}
    assert (results["stage1/hang"], results["stage1/sign"]) == ("hangs", "detected")


@pytest.mark.parametrize(("old", "count"), [("no such text", "0 times"), ("def forward(self, x):", "2 times")])
def test_planting_stops_unless_the_old_text_occurs_once(old, count, tmp_path):
    with pytest.raises(UsageError, match=f"its old text occurs {count}"):
        plant(STAGE1, dataclasses.replace(SOUND, old=old), tmp_path)


def test_planting_stops_if_there_is_no_such_file(tmp_path):
    with pytest.raises(UsageError, match=r"stage1 has no file functions/none\.py"):
        plant(STAGE1, dataclasses.replace(SOUND, file="functions/none.py"), tmp_path)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_fault_has_its_place_in_the_source(stage):
    for fault in FAULTS:
        if fault.stage == stage.number:
            source = (stage.source / fault.file).read_text(encoding="utf-8")
            assert planted(fault, source) != source


def test_fault_names_are_different():
    assert len({fault.label for fault in FAULTS}) == len(FAULTS) >= 35
