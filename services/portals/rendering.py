"""Templates: strict (what is not there is an error), escaped, and in one language each."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from services.portals import formats
from services.portals.formats import Language
from services.portals.forms import KEY, TOKEN, input_id
from services.portals.registry import PORTALS, PUBLIC
from services.portals.static import static_url
from services.portals.texts import translations

TEMPLATES: Final = Path(__file__).parent
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"


@cache
def environment(language: Language) -> Environment:
    """The templates in a language. ``ui`` holds the macros; dates and money are filters."""

    def kroner(ore: int) -> str:
        return formats.kroner(ore, language).replace(" ", _NO_BREAK)

    def day(moment: date) -> str:
        return formats.day(moment, language)

    def moment(time: datetime) -> str:
        return formats.moment(time, language)

    def clock(time: datetime) -> str:
        return formats.clock(time, language)

    def month(first: date) -> str:
        return formats.month(first, language)

    def whole_kroner(ore: int) -> str:
        return formats.whole_kroner(ore, language)

    def month_name(number: int, width: Literal["wide", "short"] = "wide") -> str:
        return formats.month_name(number, language, short=width == "short")

    def units(length: Fraction) -> str:
        """A length in a picture, to a hundredth."""
        return f"{float(length):.2f}"

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do", "jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    for one in (formats.cpr, kroner, whole_kroner, day, moment, clock, month, month_name, units, column):
        made.filters[one.__name__] = one
    made.globals |= {
        "static": static_url,
        "input_id": input_id,
        "language": str(language),
        "portals": PORTALS,
        "public_portal": PUBLIC,
        "KEY": KEY,
        "TOKEN": TOKEN,
    }
    made.globals["ui"] = made.get_template("ui.html").module
    return made


def column(heading: str) -> tuple[str, bool]:
    """A table's heading, and whether its column has numbers: a ``>`` before the heading, which is removed.

    A translated heading is markup, in which the ``>`` is escaped, so it is unescaped first.
    """
    plain = heading.unescape() if isinstance(heading, Markup) else heading
    return plain.removeprefix(">"), plain.startswith(">")
