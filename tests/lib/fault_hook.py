"""What the processes of a mesh under fault tests do at a boundary: note it, or die there once.

`chartly up` starts them with CHARTLY_BOUNDARY_HOOK=fault_hook:reached and CHARTLY_FAULT_FOLDER, a folder with
    orders    `record ID`, or `kill ID BOUNDARY TIMES`, where the ID makes orders new; nothing is done without it
    record    one line each time that a boundary is reached: PROCESS KIND NAME WHEN
    killed    made by the process that dies, so that it is one only
"""

import os
import signal
from collections import Counter
from pathlib import Path

_FOLDER = Path(os.environ["CHARTLY_FAULT_FOLDER"])
_PROCESSES = ("drone", "storage", "coordinator", "aggregator")
_times: Counter[tuple[str, str]] = Counter()


def reached(kind: str, name: str, when: str) -> None:
    """Obey the orders for this boundary."""
    process = Path(os.environ["CHARTLY_API_KEY_FILE"]).stem
    if process not in _PROCESSES:
        return
    try:
        orders = (_FOLDER / "orders").read_text()
    except FileNotFoundError:
        return
    boundary = f"{process} {kind} {name} {when}"
    word, _, rest = orders.partition(" ")
    if word == "record":
        with (_FOLDER / "record").open("a") as record:
            record.write(boundary + "\n")
    elif word == "kill":
        _times[orders, boundary] += 1
        if rest.partition(" ")[2] == f"{boundary} {_times[orders, boundary]}" and _is_first():
            os.kill(os.getpid(), signal.SIGKILL)


def _is_first() -> bool:
    try:
        (_FOLDER / "killed").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
