"""Counts the words of `words.txt`; keeps a cache of its own and asks for `UPPER`."""

import os
import pathlib

import vt_ipc

cache = pathlib.Path(".count-cache")
upper = os.environb.get(b"UPPER")
runner = vt_ipc.connect()
if runner:
    runner.ignore_input(cache)
    runner.ignore_output(cache)
    upper = runner.get_env("UPPER")

text = pathlib.Path("words.txt").read_text()
cache.mkdir(exist_ok=True)
runs = cache / "runs"
runs.write_text(str(int(runs.read_text()) + 1 if runs.exists() else 1))

answer = f"{len(text.split())} words"
print(answer.upper() if upper else answer)
