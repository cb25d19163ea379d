"""Run the command line as `python -m pipeline`."""

import sys

from pipeline.workflow.client import hand_over

if __name__ == "__main__":
    code = hand_over(sys.argv[1:])
    if code is not None:
        sys.exit(code)

    from pipeline.cli import main

    main()
