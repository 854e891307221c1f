"""`python -m crosscheck` is the command `crosscheck`."""

import sys

from .cli import main

sys.exit(main())
