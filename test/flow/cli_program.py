"""Runs the program `oneseal` as a stranger would."""
import json
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("ONESEAL_BUILD", os.path.join(ROOT, "build"))
ONESEAL = os.path.join(BUILD, "src", "cli", "oneseal")


def run(*words, stdin=b"", env=None, cwd=None, timeout=60):
    full = dict(os.environ, TERM="dumb")
    full.update(env or {})
    return subprocess.run([ONESEAL, *map(str, words)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=full, cwd=cwd, timeout=timeout, check=False)


def ok(*words, **kwargs):
    done = run(*words, **kwargs)
    assert done.returncode == 0, done.stderr.decode()
    return done


def fault(done):
    """The fault of a run with --json: its members."""
    line = done.stderr.decode().strip().splitlines()[-1]
    whole = json.loads(line)
    assert whole["v"] == 1
    assert whole["error"]["exit"] == done.returncode
    return whole["error"]
