"""The command `crosscheck`, which is also `python -m crosscheck`."""

import sys


def main() -> int:
    """Run a command. If a package is missing that every command needs, `crosscheck doctor` still works."""
    try:
        from .cli import main as command
    except ImportError as error:
        if sys.argv[1:2] == ["doctor"]:
            from .doctor import doctor

            return doctor("--json" in sys.argv)
        print(f"crosscheck: {error}; crosscheck doctor says what to install".replace("\n", " "), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("crosscheck: interrupted", file=sys.stderr)
        return 130
    return command()


if __name__ == "__main__":
    sys.exit(main())
