"""`hearth`, and `python -m hub`: where a command begins.

Loading takes most of a second. Ctrl-C meanwhile, and again when all is done, ends the process as
it ends any other, with nothing to be read about it.
"""

from __future__ import annotations

import signal


def main() -> None:
    """Load the commands and run the one that was asked for."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from hub.cli import main as command

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
