"""How OpenMP's threads wait, which it reads from the environment once, when it is loaded.

Threads that wait at its barriers by spinning make a token take ten times as long once anything else wants the
cores (a compiler, a test run); threads that sleep at once make it take three times as long on an idle
machine. GCC's OpenMP can spin a little and then sleep.
"""

import os

WAITING = {
    name: value
    for name, value in {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "300"}.items()
    if name not in os.environ
}
"""What is to be set, less what the user has set. A process of another program is to go without these."""
