#!/usr/bin/env python3
"""Writes the vectors of this folder anew: make.py FOLDER. The same octets every time (test_vectors.py compares)."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import derive       # noqa: E402
import objects      # noqa: E402
import shares       # noqa: E402
import streams      # noqa: E402


def files():
    """{name: text}"""
    made = [objects.Objects().all_jwe(), objects.Signed().all_jws(), derive.all_derivations(), shares.all_shares()] + streams.all_files()
    out = {}
    for one in made:
        head = {"file": one["file"], "format": 1, "set": "own", "purpose": one["purpose"]}
        rest = {m: v for m, v in one.items() if m not in head and m != "vectors"}
        lines = [json.dumps(v, ensure_ascii=False) for v in one["vectors"]]
        assert len({v["id"] for v in one["vectors"]}) == len(lines), one["file"]
        start = json.dumps(dict(head, **rest, count=len(lines)), ensure_ascii=False, indent=1)
        out[one["file"] + ".json"] = start[:-2] + ',\n "vectors": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"
    return out


def main():
    for name, text in files().items():
        with open(os.path.join(sys.argv[1], name), "w", encoding="utf-8") as f:
            f.write(text)


if __name__ == "__main__":
    main()
