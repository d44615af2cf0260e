"""A small kill run on every change; ./dev kill is the full size."""
import json

from kill import kill


def test_killed_at_random_nothing_is_lost(tmp_path, capsys):
    lines = []
    result = kill.Run(str(tmp_path), readings=600, kills=14, seed=20261124, say=lines.append).run()
    with capsys.disabled():
        print("\nkill run: " + json.dumps(result))
    assert kill.verdict(result) == [], "\n".join(lines)
    assert result["kills"] == 14 and result["requests under way at a kill"]["least"] >= 1
    assert len(result["victims"]) >= 6
