"""Ctrl-C and SIGTERM in every command that takes long: it ends, says so, and reports what it has done."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from crosscheck import bench, cli, play
from crosscheck.ending import Terminated, ended_early, terminable

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
ENDINGS = [(KeyboardInterrupt, 130, "interrupted"), (Terminated, 143, "terminated")]


def test_sigterm_raises_and_the_handler_is_restored():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated), terminable():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
    with ended_early() as ending:
        os.kill(os.getpid(), signal.SIGTERM)
    assert (ending.word, ending.status) == ("terminated", 143)


@pytest.mark.parametrize(("error", "status", "word"), ENDINGS)
def test_bench_reports_the_finished_workloads(capsys, monkeypatch, tmp_path, error, status, word):
    calls = []

    def measure(works, rounds):
        calls.append(works)
        if len(calls) == 2:
            raise error
        return {name: [1.0, 1.0] for name in works}

    monkeypatch.setattr(bench, "measure", measure)
    target = tmp_path / "bench.json"
    chosen = ["-k", "chain_of_100_squares or (goldstein_price and not program)", "--stages", "2"]
    assert cli.main(["bench", *chosen, "--rounds", "2", "--json", str(target)]) == status
    assert f"{word} after 1 of 2 workloads" in capsys.readouterr().out
    data = json.loads(target.read_text())
    assert (data["ended"], len({timing["workload"] for timing in data["timings"]})) == (word, 1)


@pytest.mark.parametrize(("error", "status", "word"), ENDINGS)
def test_play_reports_the_finished_stages(capsys, monkeypatch, tmp_path, error, status, word):
    def one(stage, *arguments, **options):
        if stage.number == 3:
            raise error
        return play.Played(stage.name, 0, stdout="9.0\n")

    monkeypatch.setattr(play, "play", one)
    script = tmp_path / "script.py"
    script.touch()
    assert cli.main(["play", str(script), "--stage", "all"]) == status
    said = capsys.readouterr()
    assert "stage1, stage2" in said.out
    assert said.err == f"crosscheck: {word} after 2 of 5 stages\n"


def started(*arguments, **options):
    """The command in a process of its own, which listens to Ctrl-C even if this process does not."""
    return subprocess.Popen(
        [sys.executable, "-m", "crosscheck", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


def test_sigterm_ends_a_script_of_play_which_may_catch_it(tmp_path):
    script = tmp_path / "script.py"
    wait = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(3600)\n"
    mine = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
    for source, status in ((wait, 143), (mine + wait, 5)):
        script.write_text(source)
        with started("play", str(script)) as process:
            child = int(process.stdout.readline())
            process.terminate()
            process.wait()
        assert process.returncode == status
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


def test_sigterm_ends_the_script_of_play_on_several_stages(tmp_path):
    script = tmp_path / "script.py"
    pid = tmp_path / "pid"
    script.write_text(
        f"import os, time\nprint(os.getpid(), file=open({str(pid)!r}, 'w'), flush=True)\ntime.sleep(3600)\n"
    )
    with started("play", str(script), "--stage", "all") as process:
        while not pid.is_file() or not pid.read_text():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.terminate()
        _, err = process.communicate()
    assert process.returncode == 143
    assert err == "crosscheck: terminated after 0 of 5 stages\n"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.parametrize(
    ("number", "status", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_ends_a_step(tmp_path, number, status, word):
    step = tmp_path / "step01.py"
    step.write_text(f"import os, signal, time\nos.kill(os.getppid(), {number})\ntime.sleep(3600)\n")
    source = f"""
import pathlib, sys
from crosscheck import cli, diff, lessons
diff.step_path = lambda step: pathlib.Path({str(step)!r})
sys.exit(cli.main(["step", "1"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert (done.returncode, done.stderr) == (status, f"crosscheck: {word}\n")


def test_ctrl_c_while_the_workers_start_causes_no_traceback(tmp_path):
    framework = tmp_path / "slow.py"
    framework.write_text("import os, signal, time\nos.killpg(os.getpgrp(), signal.SIGINT)\ntime.sleep(3600)\n")
    with started("run", "-k", "square", "--framework", str(framework), "-n", "2", "--without-torch") as process:
        out, err = process.communicate()
    assert (process.returncode, out, err) == (130, "", "crosscheck: interrupted\n")
