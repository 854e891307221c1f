"""The settings of `tox -e processors` on different machines, and the output of a failure."""

import importlib
import sys

import pytest

from crosscheck import processors

CORE = importlib.import_module("numpy._core._multiarray_umath")


def on(monkeypatch, dispatch, features, blas="openblas"):
    """Pretend that this machine has these features."""
    monkeypatch.setattr(CORE, "__cpu_dispatch__", dispatch)
    monkeypatch.setattr(CORE, "__cpu_features__", dict.fromkeys(features, True))
    monkeypatch.setattr(processors.threadpoolctl, "threadpool_info", lambda: [{"internal_api": blas}])


def test_a_processor_with_everything_has_five_settings(monkeypatch):
    names = ["X86_V3", "X86_V4", "AVX512_ICL", "AVX512_SPR"]
    on(monkeypatch, names, ["AVX2", "FMA3", "AVX512_SKX", "X86_V3", "X86_V4", "AVX512_ICL"])
    chosen, left_out = processors.settings()
    assert [setting.variables for setting in chosen] == [
        {"OPENBLAS_CORETYPE": "Haswell"},
        {"OPENBLAS_CORETYPE": "SkylakeX"},
        {"OPENBLAS_CORETYPE": "Zen"},
        {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL"},  # not AVX512_SPR, which it lacks
        {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL"},
    ]
    assert left_out == []


def test_without_avx512_two_settings_are_left_out(monkeypatch):
    on(monkeypatch, ["AVX2", "FMA3", "AVX512F"], ["AVX2", "FMA3"])
    chosen, left_out = processors.settings()
    assert [setting.name for setting in chosen] == [
        "OPENBLAS_CORETYPE=Haswell",
        "OPENBLAS_CORETYPE=Zen",
        "without AVX2",
    ]
    assert chosen[-1].variables == {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3"}
    assert [reason.partition(":")[0] for reason in left_out] == ["OPENBLAS_CORETYPE=SkylakeX", "without AVX-512"]


def test_another_kind_of_machine_has_one_setting_without_variables(monkeypatch):
    on(monkeypatch, ["ASIMDHP"], ["NEON", "ASIMDHP"])
    chosen, left_out = processors.settings()
    assert ([setting.name for setting in chosen], len(left_out)) == (["as it is"], 5)


@pytest.mark.parametrize("status", [0, 1])
def test_each_run_prints_a_line_and_a_failure_how_to_reproduce_it(monkeypatch, capsys, status):
    on(monkeypatch, ["AVX2"], ["AVX2", "FMA3"])
    command = (sys.executable, "-c", f"import os; print(os.environ['OPENBLAS_CORETYPE']); raise SystemExit({status})")
    for name in ("MATRIX", "QUICK"):
        monkeypatch.setattr(processors, name, command)
    monkeypatch.setattr(processors, "tests_of_stages", lambda: command)
    assert processors.main(["OPENBLAS_CORETYPE=Zen"]) == status
    out = capsys.readouterr().out
    assert out.count("OPENBLAS_CORETYPE=Zen, threads ") == 3
    assert ("Zen\nreproduce: OPENBLAS_CORETYPE='Zen' OMP_NUM_THREADS='1'" in out) == bool(status)
    assert f"{3 * status} of 3 runs failed" in out


def test_an_unknown_setting_is_an_error(capsys):
    assert processors.main(["OPENBLAS_CORETYPE=Z80"]) == 2
    assert "unknown setting 'OPENBLAS_CORETYPE=Z80'" in capsys.readouterr().out
