"""Places where a test makes the worker die, fail or linger. Nothing happens without CONVENE_FAILPOINTS.

CONVENE_FAILPOINTS="push.claimed=kill;push.called=raise;pull.fetched=sleep:2"
"""

from __future__ import annotations

import os
import signal
import time


class FailpointReached(RuntimeError):
    """A test asked for this."""


def fp(name: str) -> None:
    """Do what CONVENE_FAILPOINTS says for this name: kill (SIGKILL to ourselves), raise, or sleep:seconds."""
    wanted = os.environ.get("CONVENE_FAILPOINTS")
    if not wanted:
        return
    action = dict(entry.split("=", 1) for entry in wanted.split(";") if "=" in entry).get(name, "")
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "raise":
        raise FailpointReached(name)
    elif action.startswith("sleep:"):
        time.sleep(float(action.removeprefix("sleep:")))
