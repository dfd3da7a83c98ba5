"""Users' files are read whole or refused in words, with every fault and its row."""

import json
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from caption_curation.support.errors import FAULTS_SHOWN, InputError
from caption_curation.support.reading import (
    read_csv_rows,
    read_entries,
    read_json,
    read_json_lines,
    read_json_rows,
    read_text,
)
from caption_curation.support.rows import Identifier, Row, Text


class Rated(Row):
    """A caption with a grade."""

    image_id: Identifier
    caption: Text
    grade: float = 0.0
    group: Literal["low", "high"] = "low"


class Named(Row):
    """A line of a table."""

    name: Text = Field(min_length=1)
    colour: Text


GOOD = [
    {"image_id": 7, "caption": "a dog"},
    {"image_id": "ü.jpg", "caption": "a “cat” 🐈", "grade": 1, "other": {"key": [1, None]}},
]
READ = [
    Rated(image_id=7, caption="a dog"),
    Rated(image_id="ü.jpg", caption="a “cat” 🐈", grade=1.0),
]


def entries_of(folder: Path, content: bytes | str) -> list[Rated]:
    return read_entries(_file(folder, content), Rated, 'a list, [{"image_id": …}, …]')


def rows_of(folder: Path, content: bytes | str) -> dict[int, Rated]:
    return read_json_rows(_file(folder, content), Rated)


def _file(folder: Path, content: bytes | str) -> Path:
    path = folder / "file"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(folder: Path, content: bytes | str) -> str:
    with pytest.raises(InputError) as caught:
        entries_of(folder, content)
    message = str(caught.value)
    assert message.startswith(f"{folder / 'file'}: ")
    return message


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_good_files_are_read_in_every_spelling(tmp_path: Path, ascii_only: bool, mark: str) -> None:
    lines = [json.dumps(entry, ensure_ascii=ascii_only) for entry in GOOD]
    assert entries_of(tmp_path, f"{mark}[{','.join(lines)}]") == READ
    found = rows_of(tmp_path, mark + "\r\n\n".join(lines) + "\n \n")
    assert found == {1: READ[0], 3: READ[1]}
    assert rows_of(tmp_path, mark) == {}


def test_every_fault_of_every_row_is_told(tmp_path: Path) -> None:
    digits = "1" * 4000
    faulty = [
        '{"image_id": true, "caption": null, "grade": NaN}',
        "[]",
        '{"image_id": ' + digits + ', "caption": "\\ud83d", "grade": -1e999, "group": "x"}',
        '{"image_id": 1, "caption": "a", "caption": "b"}',
        '{"caption": "a", "grade": "1"}',
        '{"caption": "\\ud83d\\ude00", "image_id": "", "grade": 1' + digits + "}",
    ]
    good = '{"image_id": 1, "caption": "a"}'
    content = ",".join([good, *faulty])
    expected = """\
1: image_id must be an integer or a string, not true
1: caption must be a string, not null
1: grade must be a finite number, not NaN
2: must be an object, not []
3: image_id is a number of 4000 digits
3: caption must hold whole characters (no lone surrogate), not "\\ud83d"
3: grade must be a finite number, not -Infinity
3: group must be 'low' or 'high', not "x"
4: is an object with the key "caption" 2 times
5: image_id is missing
5: grade must be a finite number, not "1"
6: image_id must be an integer or a string, not ""
6: grade is a number of 4001 digits""".splitlines()
    heading, *told = refusal(tmp_path, f"[{content}]").splitlines()
    assert heading == f"{tmp_path / 'file'}: faults ({len(expected)}):"
    assert told == [f"  entry {fault}" for fault in expected]
    with pytest.raises(InputError) as caught:
        rows_of(tmp_path, "\n".join([good, *faulty, "{", "[" * 100_000]).encode() + b"\n\xff")
    _, *told = str(caught.value).splitlines()
    lines = [f"  line {int(fault[0]) + 1}{fault[1:]}" for fault in expected]
    assert told[:-3] == lines
    assert [line.split(" (")[0] for line in told[-3:]] == [
        "  line 8: not JSON: Expecting property name enclosed in double quotes: line 1 column 2",
        "  line 9: not JSON: nested too deeply",
        "  line 10: not UTF-8: byte 0xff",
    ]


def test_one_fault_of_all_rows_is_one_line(tmp_path: Path) -> None:
    rows = [{"image_id": number} for number in range(500)]
    told = refusal(tmp_path, json.dumps(rows)).splitlines()
    assert told[1:] == ["  entries 0, 1, 2 and 497 more: caption is missing"]
    rows = [{"image_id": 1, "caption": number} for number in range(500)]
    told = refusal(tmp_path, json.dumps(rows)).splitlines()
    assert "(500)" in told[0]
    assert len(told) == 1 + FAULTS_SHOWN + 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "malformed JSON (the file is empty)"),
        ("\ufeff \n", "malformed JSON (the file is empty)"),
        ("null", 'expected a list, [{"image_id": …}, …]; found null'),
        ('{"a": 1, "a": 2}', 'found an object with the key "a" 2 times'),
        ("1" * 5000, "found a number of 5000 digits"),
        ("[" * 100_000 + "]" * 100_000, "malformed JSON (nested too deeply)"),
        ('[{"image_id": 1', "malformed JSON (Expecting ',' delimiter: line 1 column 16"),
        ("[] []", "malformed JSON (Extra data"),
        ("[]".encode("utf-16"), "not UTF-8 but UTF-16"),
        ("[]".encode("utf-32"), "not UTF-8 but UTF-32"),
        ("[]".encode("utf-16-be"), "not UTF-8 text (a zero byte)"),
        (b'["\xe9",\n"\xed\xa0\x80",\n"\xc3"]', "not UTF-8 (3):\n  line 1: byte 0xe9"),
    ],
)
def test_files_that_are_something_else(tmp_path: Path, content: bytes | str, expected: str) -> None:
    assert expected in refusal(tmp_path, content)


def test_what_is_shown_of_a_value_cannot_harm_a_terminal(tmp_path: Path) -> None:
    rows = [{"image_id": "\x1b[2J\x9b31m\u202e", "caption": ["\x1b]0;owned\x07" * 100]}]
    entry = {"image_id": 1, "caption": "a", "group": "\x9b31m\u202e\n"}
    for escaped in (True, False):
        message = refusal(tmp_path, json.dumps([*rows, entry], ensure_ascii=escaped))
        assert message.replace("\n", "").isprintable()
        assert "\\x9b31m\\u202e\\n" in message
        assert all(len(line) < 150 for line in message.splitlines()[1:])
    assert str(InputError("\x1b[2J\ud800 ü\n🐈")) == "\\x1b[2J\\ud800 ü\n🐈"


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for path, expected in (
        (tmp_path, "a folder, not a file"),
        (tmp_path / "none", "no such file"),
        (tmp_path / ("x" * 300), "File name too long"),
        (tmp_path / "loop", "Too many levels of symbolic links"),
        (tmp_path / "a\0b", "embedded null byte"),
    ):
        for read in (read_text, read_json):
            with pytest.raises(InputError, match=expected):
                read(path)


def test_csv(tmp_path: Path) -> None:
    good = 'name,colour,note\r\n"a\nb","red ""x""",\r\n\r\nc\u2028d,,1\r\n'
    assert read_csv_rows(_file(tmp_path, "\ufeff" + good), Named) == {
        3: Named(name="a\nb", colour='red "x"'),
        5: Named(name="c\u2028d", colour=""),
    }
    assert read_csv_rows(_file(tmp_path, ""), Named) == {}
    faulty = 'name,shade\na,b\n,c\nd\ne,f,g\n"h'
    with pytest.raises(InputError) as caught:
        read_csv_rows(_file(tmp_path, faulty), Named)
    assert [line.strip() for line in str(caught.value).splitlines()[1:]] == [
        "lines 2, 3: colour is missing",
        "line 3: name must not be empty",
        "line 4: 1 cells, but 2 columns",
        "line 5: 3 cells, but 2 columns",
        "line 6: unexpected end of data",
    ]
    for header in ("a,a\n", "a,\n"):
        with pytest.raises(InputError, match="must name the columns"):
            read_csv_rows(_file(tmp_path, header), Named)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"{", "line 2: not JSON"),
        (b"[]", r"line 2: expected an object, found \[\]"),
        (b"[" * 100_000, "line 2: not JSON .nested too deeply"),
        (b"1" * 5000, "line 2: not JSON"),
        (b'{"a": "\xff"}', "line 2: byte 0xff"),
    ],
)
def test_a_damaged_file_of_the_pipeline_is_told(tmp_path: Path, line: bytes, expected: str) -> None:
    path = _file(tmp_path, b'{"a": "\xe2\x80\xa8"}\n' + line + b"\n")
    with pytest.raises(InputError, match=expected):
        read_json_lines(path)
    assert read_json_lines(_file(tmp_path, path.read_bytes()[:13])) == [{"a": "\u2028"}]
