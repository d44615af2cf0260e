#!/usr/bin/env python3
"""Joins our archives into one static library in which only the names of a list are visible.

archive.py OUT SYMBOLS WHOLE.a BUILD_FOLDER
"""
import glob
import os
import subprocess
import sys
import tempfile

out, symbols, whole, build = sys.argv[1:5]
others = [a for a in sorted(glob.glob(os.path.join(build, "lib", "*", "*.a")) + glob.glob(os.path.join(build, "*.a")))
          if os.path.abspath(a) not in (os.path.abspath(out), os.path.abspath(whole))]
with tempfile.TemporaryDirectory(dir=os.path.dirname(out) or ".") as folder:
    joined = os.path.join(folder, "oneseal.o")
    subprocess.run(["ld", "-r", "-o", joined, "--whole-archive", whole, "--no-whole-archive", "--start-group"] + others +
                   ["--end-group"], check=True)
    subprocess.run(["objcopy", "--keep-global-symbols=" + symbols, joined], check=True)
    if os.path.exists(out):
        os.remove(out)
    subprocess.run(["ar", "rcsD", out, joined], check=True)
