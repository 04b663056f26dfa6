"""`python -m rankk`."""

import sys

from rankk.cli import main

sys.exit(main())
