"""Helpers of the steps: options, figures, Ctrl-C and closed pipes. Not part of any lesson; skip on first reading."""

import argparse
import os
import pathlib
import signal
import sys


def options(doc, **defaults):
    """A parser for the options of a step: `--name N` for each integer name=default, `--data`, and always `--out`.

    From this call on, Ctrl-C and a closed pipe (`| head`) end the step without a traceback.
    """
    signal.signal(signal.SIGINT, interrupted)
    on_closed_pipe("SIG_DFL")
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    for name, default in defaults.items():
        text = "the default depends on the data" if default is None else f"default {default}"
        if name == "data":
            parser.add_argument("--data", choices=["mnist", "digits"], default=default, help=text)
            continue
        names = ["--iters", "--epochs"] if name == "iters" else [f"--{name}"]  # synonyms: each iteration uses all data
        parser.add_argument(*names, type=integer(0 if name == "seed" else 1), default=default, metavar="N", help=text)
    text = "write figures and graphs to DIR; without it a figure is shown in a window"
    parser.add_argument("--out", type=folder, metavar="DIR", help=text)
    return parser


def integer(least):
    """An argument type: an integer from least (0 or 1) to the largest seed of NumPy."""

    def read(text):
        number = int(text)
        if not least <= number < 2**32:
            raise argparse.ArgumentTypeError(f"expected an integer from {least} to {2**32 - 1}, got {text}")
        return number

    read.__name__ = "integer"  # argparse prints it if int() fails
    return read


def folder(text):
    """An argument type: a folder that is writable or can be created."""
    if not text:
        raise argparse.ArgumentTypeError("expected a folder, got ''")
    path = pathlib.Path(text)
    existing = next(place for place in (path, *path.parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise argparse.ArgumentTypeError(f"cannot write to {text}")
    return path


def show(draw, out, *data):
    """Save the figure of draw(plt, *data) as out/<step>.png; without `out` show it, if there is a display."""
    if not out and os.environ.get("MPLBACKEND", "").lower() == "agg":
        return  # no window, so matplotlib need not be imported
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        if out:
            stop("no figure without matplotlib: pip install matplotlib")
        return
    if out:
        out.mkdir(parents=True, exist_ok=True)
        draw(plt, *data).savefig(out / f"{step()}.png", dpi=150)
    elif plt.get_backend().lower() != "agg":  # matplotlib chooses Agg if there is no display
        draw(plt, *data)
        plt.show()


def graph(plot, x, out, file, **settings):
    """Draw a graph with plot(x, to_file=out/file): plot_dot_graph or a model's method. Do nothing without `out`."""
    if out:
        out.mkdir(parents=True, exist_ok=True)
        try:
            plot(x, to_file=out / file, **settings)
        except RuntimeError as error:
            stop(f"no graph: {error}")


def load(data, MNIST, Digits):
    """Training set and test set: MNIST, or Digits if data="digits" or if MNIST cannot be downloaded."""
    if data == "mnist":
        on_closed_pipe("SIG_IGN")  # a closed connection must not end the step
        print(f"{step()}: loading MNIST (11 MB, downloaded once)", file=sys.stderr, flush=True)
        try:
            return MNIST(train=True), MNIST(train=False)
        except RuntimeError as error:
            reason = str(error).splitlines()[0].rstrip(":")
            print(f"{step()}: using Digits instead of MNIST: {reason}", file=sys.stderr)
        finally:
            on_closed_pipe("SIG_DFL")
    return Digits(train=True), Digits(train=False)


def step():
    """The name of the running step, such as step24."""
    return pathlib.Path(sys.argv[0]).stem


def stop(message):
    """End the step with a message on standard error and exit status 1."""
    sys.exit(f"{step()}: {message}")


def interrupted(*_):
    print(f"{step()}: interrupted", file=sys.stderr)
    sys.exit(130)


def on_closed_pipe(action):
    if hasattr(signal, "SIGPIPE"):  # not on Windows
        signal.signal(signal.SIGPIPE, getattr(signal, action))
