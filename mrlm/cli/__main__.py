"""``python -m mrlm.cli`` is ``mrlm``."""

import sys

from mrlm.cli import main

sys.exit(main())
