"""reach/runner.py, started by a test."""

import json
import os
import subprocess
import sys
from pathlib import Path

RUNNER = Path(__file__).parent / "reach" / "runner.py"
OWN = ("LOCACHE", "LOCACHE_DIR", "XDG_CACHE_HOME", "XDG_STATE_HOME")


class Runner:
    """By one interpreter, with variables of the environment of its own."""

    def __init__(self, home, python=sys.executable, **variables):
        environment = {name: value for name, value in os.environ.items() if name not in OWN}
        self.process = subprocess.Popen(
            [python, str(RUNNER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment, "HOME": str(home), **variables},
        )

    def run(self, place, calls=(), compare=True, live=False):
        """What it answers for the project at a place."""
        job = {"place": str(place), "calls": calls, "compare": compare, "live": live}
        print(json.dumps(job), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)
