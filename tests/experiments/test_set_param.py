"""Any text arrives at a stage as it stands in a study, through DVC's own parsing."""

import pytest

from caption_curation.experiments.set_param import Value, set_param, value_as_read
from caption_curation.support.errors import InputError

TEXTS = [
    "", " ", "  lead", "trail  ", "national geographic, high quality photography, Canon EOS R3",
    "true", "null", "None", "1", "1e-5", "0.4", "1_000", "0x1f", "017", ".inf", "nan", "2020-01-01",
    "it's", 'say "hi"', "'", '"', "\\", "\\\\", "a\\", "a\\'b", "\\'", "\\n", "a\nb", "a\\\n",
    "a\r\nb", "x\ty",
    "a=b", "=", "a:b", "a: b", "#x", "a # b", "{a: b}", "[1,2]", "(x)", "choice(a,b)", "range(1,3)",
    "glob(*)", "a,b", "a;b", "$(x)", "$", "~", "&x", "*x", "!x", "%x", "@x", "`x`", "- x", "? x",
    "|", ">", "<<", "+1", "\x07", "日本, é", "x" * 300 + " y" * 60,
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_text_stays_the_text_that_it_was(text: str) -> None:
    assert value_as_read(text) == text


@pytest.mark.parametrize("value", [True, False, 0, -3, 0.4, 2.0, 1.0e-3, None])
def test_other_values_keep_their_kind(value: Value) -> None:
    read = value_as_read(value)
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    ("value", "read"), [("on", True), ("off", False), ("12:30:45", 45045), (1e-5, "1e-05")]
)
def test_what_two_versions_of_yaml_disagree_on_is_known(value: Value, read: Value) -> None:
    found = value_as_read(value)
    assert (type(found), found) == (type(read), read)


@pytest.mark.parametrize("text", ["${seed}", "${a}", "a ${b} c", "\\${a}", "\\\\${x}", "???"])
def test_what_dvc_would_take_for_a_reference_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="dvc exp run"):
        value_as_read(text)


def test_a_plain_word_needs_no_quotes() -> None:
    assert set_param("curation.method", "replace_image") == "curation.method=replace_image"
    assert set_param("p.yaml:a.b", "x y") == "p.yaml:a.b='x y'"
