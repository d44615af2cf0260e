"""Foreign objects open in ours and ours in theirs: the table of matrix.py."""
import os

import library
import matrix
import pytest


@pytest.fixture(scope="module")
def table(request):
    """{library: [Cell]}; also printed at the end of the run and written into the build folder."""
    keys, found, libraries = matrix.Keys(), {}, []
    with library.Library("ours") as ours:
        for name in library.FOREIGN:
            with library.Library(name) as foreign:
                found[name] = list(matrix.cells(ours, foreign, keys))
                libraries.append(dict(foreign.about, made_again=getattr(foreign, "made_again", 0)))
    request.config.foreign_table = matrix.text([c for row in found.values() for c in row], libraries)
    with open(os.path.join(library.BUILD, "foreign-table.txt"), "w", encoding="utf-8") as f:
        f.write(request.config.foreign_table + "\n")
    return found


@pytest.mark.parametrize("direction", ["in", "out"])
@pytest.mark.parametrize("name", library.FOREIGN)
def test_every_cell_passes_or_the_library_says_why_not(table, name, direction):
    here = [c for c in table[name] if c.direction == direction]
    assert len(here) == sum(len(matrix.forms_of(row)) for row in matrix.rows())
    failed = ["%s %s: %s" % (c.row.name, c.form, c.why) for c in here if c.mark == "FAIL"]
    assert not failed, "\n".join(failed)
    assert sum(c.mark == "ok" for c in here) >= 15, "a driver that does next to nothing proves nothing"


def test_every_algorithm_has_two_witnesses(table):
    """No row stands on the word of one library, and in every serialization somebody else takes part."""
    for row in matrix.rows():
        for form in matrix.forms_of(row):
            for direction in ("in", "out"):
                good = [n for n, cells in table.items() for c in cells
                        if (c.row, c.form, c.direction, c.mark) == (row, form, direction, "ok")]
                assert len(good) >= 2, "%s %s %s: only %s" % (row.name, form, direction, good)
