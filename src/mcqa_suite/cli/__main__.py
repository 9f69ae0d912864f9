"""`python -m mcqa_suite.cli`."""

import sys

from mcqa_suite.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
