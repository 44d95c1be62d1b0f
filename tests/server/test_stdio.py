"""Standard output carries the protocol and nothing else."""

import subprocess
import sys

import pytest

SPAM = """
import os, subprocess, sys
from byte_lsp.server.stdio import claim_stdio
descriptor, output = claim_stdio()
print("python")
os.write(1, b"native\\n")
subprocess.run([sys.executable, "-c", "import sys; print('child', repr(sys.stdin.read()))"])
assert sys.stdin.read() == ""
output.write(os.read(descriptor, 100).upper())
output.flush()
"""


def test_only_the_protocol_reaches_standard_output() -> None:
    ended = subprocess.run([sys.executable, "-c", SPAM], input=b"protocol", capture_output=True, check=True)
    assert ended.stdout == b"PROTOCOL"
    assert sorted(ended.stderr.split()) == [b"''", b"child", b"native", b"python"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that can close a descriptor")
def test_a_closed_standard_error_does_no_harm() -> None:
    command = ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, SPAM]
    ended = subprocess.run(command, input=b"protocol", stdout=subprocess.PIPE, check=True)
    assert ended.stdout == b"PROTOCOL"
