"""``python -m chainrule`` is the command line."""

import sys

from chainrule.app.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
