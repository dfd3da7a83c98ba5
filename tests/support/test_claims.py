"""Claims: one holder of a key at a time, over all processes, and none after a process has ended."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from caption_curation.support.claims import Claims

HOLDER = """
import sys
from pathlib import Path
from caption_curation.support.claims import Claims
assert Claims(Path(sys.argv[1])).claim(sys.argv[2])
print("claimed", flush=True)
sys.stdin.read()
"""


def test_a_key_has_one_holder(tmp_path: Path) -> None:
    ours, theirs = Claims(tmp_path), Claims(tmp_path)
    claim = ours.claim("abc1")
    assert claim is not None
    assert ours.claim("abc1") is None
    assert theirs.claim("abc1") is None
    claim.close()
    again = theirs.claim("abc1")
    assert again is not None
    assert ours.claim("abc1") is None


def test_keys_of_a_slot_are_free_for_its_holder_and_for_others_when_all_are_released(
    tmp_path: Path,
) -> None:
    ours, theirs = Claims(tmp_path), Claims(tmp_path)
    first, second = ours.claim("abc1"), ours.claim("abc2")
    assert first is not None and second is not None
    assert theirs.claim("abd1") is not None
    first.close()
    assert theirs.claim("abc1") is None  # "abc2" is held
    second.close()
    assert theirs.claim("abc1") is not None
    assert sorted(file.name for file in tmp_path.iterdir()) == ["abc.lock", "abd.lock"]


@pytest.mark.parametrize("kill", [True, False])
def test_whoever_waits_goes_on_when_the_holder_ends(tmp_path: Path, kill: bool) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path), "abc1"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == "claimed\n"
        claims = Claims(tmp_path)
        assert claims.claim("abc1") is None
        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(claims.wait_until_free, "abc2")
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            if kill:
                holder.kill()
            else:
                holder.stdin.close()
            waiting.result(timeout=60)
    assert claims.claim("abc1") is not None
