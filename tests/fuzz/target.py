"""What libFuzzer runs: ``python -m tests.fuzz.target DOOR [libFuzzer's options and folders]``.

A merge runs itself again, by the command in ``LAUNCHER``, which gets the options alone.
"""

import logging
import os
import sys

import atheris

with atheris.instrument_imports(include=["byte_lsp", "pygls"]):
    from tests.fuzz.doors import check_of

    check = check_of(sys.argv[1])  # type: ignore[arg-type]


LAUNCHER = "BYTE_LSP_FUZZ_LAUNCHER"


def main() -> None:
    """Fuzz until libFuzzer says that it is enough."""
    logging.disable(logging.CRITICAL)
    atheris.Setup([os.environ.get(LAUNCHER, sys.argv[0]), *sys.argv[2:]], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
