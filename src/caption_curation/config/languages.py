"""Codes of the languages that captions can be in: ISO 639-1."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

ENGLISH = "en"

_OF_ISO_639_1 = """
    aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy
    da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht
    hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky
    la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny
    oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss
    st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo
    za zh zu
"""
CODES = tuple(_OF_ISO_639_1.split())


def check_language(code: str) -> str:
    """The code itself.

    Raises:
        ValueError: ISO 639-1 does not have it; the message names all that it has.
    """
    if code not in CODES:
        raise ValueError(
            f"{code!r} is no code of ISO 639-1, such as en, de, ja or zh; it has {' '.join(CODES)}"
        )
    return code


def _as_word(value: Any) -> Any:
    """YAML 1.1 reads Norwegian's code as a boolean, and ``dvc exp run -S`` writes it unquoted."""
    return "no" if value is False else value


Language = Annotated[str, BeforeValidator(_as_word), AfterValidator(check_language)]
