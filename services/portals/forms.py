"""Forms: what a person typed, what it means, and what is wrong with it, each error at its field.

A field's name is the path of its value in the API's request body, with dots: the input ``period.first`` becomes
``{"period": {"first": ...}}``, and what the API says of ``/period/first`` is shown at that input.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from gettext import NullTranslations
from typing import Any, Final
from uuid import uuid4

from starlette.datastructures import FormData, UploadFile

from services.portals.api import Refused
from services.portals.formats import Language, kroner
from services.portals.labels import plain_words
from services.portals.texts import N_

KEY: Final = "key"
TOKEN: Final = "form_token"  # noqa: S105 - a field's name
_DATE_PARTS: Final = ("day", "month", "year")
_AMOUNT: Final = {
    Language.DANISH: re.compile(r"(?P<kroner>[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,(?P<ore>[0-9]{2}))?"),
    Language.ENGLISH: re.compile(r"(?P<kroner>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.(?P<ore>[0-9]{2}))?"),
}
_MOST_DIGITS: Final = 12
_UNIT: Final = re.compile(r"\s*kr\.?$", re.IGNORECASE)
_WRONG_FORM: Final = 422

Parse = Callable[[str, Language], Any]
Show = Callable[[Any, Language], str]


@dataclass(frozen=True)
class Field:
    """One field of a form.

    Attributes:
        parse: the value behind what was typed (never empty); raises ``ValueError`` if it is none.
        show: a value as a person would have typed it.
        missing: what to say when nothing was typed.
        wrong: what to say when it is no value, or when the API refuses it.
        optional: nothing typed is no error; the field is then left out of the body.
        parts: names of the inputs that it is typed into, if there are several.
        is_file: what is sent is a file, which stands in ``Form.files`` and not in the body.
    """

    parse: Parse
    show: Show
    missing: str
    wrong: str
    optional: bool = False
    parts: tuple[str, ...] = ()
    is_file: bool = False


Fields = Mapping[str, Field]


def text(*, missing: str = N_("Udfyld feltet."), wrong: str = "", optional: bool = False) -> Field:
    """Any text; the API says what is too long. White space around it does not count."""
    return Field(lambda typed, _: typed, lambda value, _: str(value), missing, wrong, optional)


def digits(*, missing: str = N_("Udfyld feltet."), wrong: str = "", optional: bool = False) -> Field:
    """A number that is a name (card, CPR, CVR); spaces in it do not count."""
    return Field(lambda typed, _: "".join(typed.split()), lambda value, _: str(value), missing, wrong, optional)


def amount(*, missing: str = N_("Skriv beløbet i kroner."), optional: bool = False) -> Field:
    """Kroner as the page itself writes them, strictly; the value is whole øre."""
    return Field(parse_amount, lambda ore, language: kroner(ore, language).removesuffix(" kr."), missing, "", optional)


def day(
    *,
    missing: str = N_("Skriv dag, måned og år."),
    wrong: str = N_("Skriv en dag, der findes, for eksempel 21 11 2026."),
    optional: bool = False,
) -> Field:
    """A day, typed as day, month and year."""
    return Field(parse_day, lambda value, _: f"{value.day} {value.month} {value.year}", missing, wrong, optional,
                 _DATE_PARTS)  # fmt: skip


def choice(*options: str, missing: str = N_("Vælg en mulighed."), optional: bool = False) -> Field:
    """One of ``options``: radio buttons or a select."""

    def parse(typed: str, _: Language) -> str:
        if typed not in options:
            raise ValueError("not one of the options")
        return typed

    return Field(parse, lambda value, _: str(value), missing, missing, optional)


def whole_number(*, missing: str = N_("Skriv et helt tal."), optional: bool = False) -> Field:
    """A whole number, for example a year."""

    def parse(typed: str, _: Language) -> int:
        if not (typed.isascii() and typed.isdigit() and len(typed) <= _MOST_DIGITS):
            raise ValueError("not a whole number")
        return int(typed)

    return Field(parse, lambda value, _: str(value), missing, N_("Skriv et helt tal."), optional)


def flag() -> Field:
    """A checkbox that may be left alone: true when ticked, else left out of the body."""
    return Field(lambda typed, _: typed == "true", lambda value, _: "true" if value else "", "", "", optional=True)


def upload(*, missing: str = N_("Vælg en fil.")) -> Field:
    """A file."""
    return Field(lambda typed, _: typed, lambda value, _: str(value), missing, "", is_file=True)


def parse_amount(typed: str, language: Language) -> int:
    """Whole øre. Each page reads what it writes: ``7.500,00`` in Danish, ``7,500.00`` in English; øre may be left out.

    No text means one amount in Danish and another in English: what separates thousands has three digits behind it, and
    what separates øre two. Raises ``ValueError`` otherwise.
    """
    match = _AMOUNT[language].fullmatch(_UNIT.sub("", typed))
    if match is None:
        raise ValueError("not an amount")
    whole = re.sub(r"\D", "", match["kroner"])
    if len(whole) > _MOST_DIGITS:
        raise ValueError("not an amount")
    return 100 * int(whole) + int(match["ore"] or 0)


def parse_day(typed: str, _: Language) -> date:
    """The day of ``day month year``. Raises ``ValueError``."""
    match = re.fullmatch(r"([0-9]{1,2}) ([0-9]{1,2}) ([0-9]{4})", typed)
    if match is None:
        raise ValueError("not a day")
    return date(int(match[3]), int(match[2]), int(match[1]))


@dataclass
class Form:
    """A form, empty or filled in.

    Attributes:
        key: becomes the Idempotency-Key: the same form sent twice does one thing.
        body: what was typed, as the API's request body has it. Only whole when ``good``.
        errors: what to say at each field that is wrong.
        general: what is wrong with the form as a whole.
    """

    fields: Fields
    language: Language
    translations: NullTranslations
    token: str
    typed: Mapping[str, str] = field(default_factory=dict)
    key: str = field(default_factory=lambda: str(uuid4()))
    posted: Sequence[tuple[str, str]] = ()
    files: Mapping[str, UploadFile] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    general: list[str] = field(default_factory=list)
    status: int = 200

    @property
    def good(self) -> bool:
        """Nothing is known to be wrong."""
        return not self.errors and not self.general

    @property
    def step(self) -> str:
        """The button that was pressed on a summary: ``send`` or ``edit``; none on the page before it."""
        return self.typed.get("step", "")

    @property
    def problems(self) -> list[tuple[str | None, str]]:
        """For the error summary: (id of the input to go to, text), in the order of the form."""
        at_fields = [(self.target(name), self.errors[name]) for name in self.fields if name in self.errors]
        return [*((None, said) for said in self.general), *at_fields]

    def value(self, name: str) -> str:
        """The text of an input, or of one part of it (``period.first`` or ``period.first-day``)."""
        return self.typed.get(name, "")

    def target(self, name: str) -> str:
        """The id of a field's first input."""
        parts = self.fields[name].parts
        return input_id(f"{name}-{parts[0]}" if parts else name)

    def wrong(self, name: str, said: str) -> Form:
        """Say at a field what is wrong: for rules that a page has beyond the API's."""
        self.errors[name] = said
        self.status = _WRONG_FORM
        return self

    def refuse(self, refused: Refused, concerns: Mapping[str, str] | None = None) -> Form:
        """Show what the API said: at the fields that it points to; a problem of ``concerns`` (code to field) there.

        What was certainly refused gets a new key, for the old one has its answer. What may have happened keeps its
        key, so that sending the form again cannot do it twice.
        """
        problem = refused.problem
        self.status = refused.status
        if not refused.may_have_happened:
            self.key = str(uuid4())
        unplaced = not problem.errors
        for error in problem.errors or ():
            name = self._at(error.pointer)
            if name is None:
                unplaced = True
            else:
                wrong = self.fields[name].wrong
                self.errors.setdefault(name, self.translations.gettext(wrong) if wrong else error.detail)
        concerned = (concerns or {}).get(refused.code)
        if concerned is not None:
            self.errors[concerned] = plain_words(refused, self.translations)
        elif unplaced:
            self.general.append(plain_words(refused, self.translations))
        return self

    def _at(self, pointer: str) -> str | None:
        """The field that a JSON pointer concerns: itself, what it lies in, or the last of those that lie in it."""
        path = pointer.removeprefix("/").replace("/", ".")
        within = [name for name in self.fields if name == path or path.startswith(f"{name}.")]
        below = [name for name in self.fields if name.startswith(f"{path}.")]
        found = within or below
        return found[-1] if found else None


def input_id(name: str) -> str:
    """The id of the input of a name."""
    return name.replace(".", "-")


def empty_form(fields: Fields, values: Mapping[str, Any], **about: Any) -> Form:
    """A form to fill in, with ``values`` (as the API has them, by field name) typed already."""
    form = Form(fields=fields, **about)
    typed: dict[str, str] = {}
    for name, value in values.items():
        if value is not None:
            shown = fields[name].show(value, form.language)
            parts = fields[name].parts
            typed |= zip((f"{name}-{part}" for part in parts), shown.split(), strict=True) if parts else {name: shown}
    return replace(form, typed=typed)


def read_form(fields: Fields, data: FormData, **about: Any) -> Form:
    """A form that was sent: each field read, what is wrong said."""
    posted = [(name, value) for name, value in data.multi_items() if isinstance(value, str)]
    typed = {name: value.strip() for name, value in posted}
    files = {name: value for name, value in data.multi_items() if isinstance(value, UploadFile) and value.size}
    form = Form(fields=fields, typed=typed, posted=posted, files=files, **about)
    form.key = typed.get(KEY) or form.key
    for name, one in fields.items():
        if one.is_file:
            if name not in files:
                form.wrong(name, form.translations.gettext(one.missing))
            continue
        raw = " ".join(typed.get(f"{name}-{part}", "") for part in one.parts) if one.parts else typed.get(name, "")
        if not raw.strip():
            if not one.optional:
                form.wrong(name, form.translations.gettext(one.missing))
            continue
        try:
            value = one.parse(raw, form.language)
        except ValueError:
            said = one.wrong or _FORM_OF_AMOUNT[form.language]
            form.wrong(name, form.translations.gettext(said))
        else:
            _put(form.body, name, value)
    return form


_FORM_OF_AMOUNT: Final = {
    Language.DANISH: N_("Skriv beløbet som 7.500,00 eller 7500, med punktum ved tusinder og komma før ørebeløbet."),
    Language.ENGLISH: N_("Skriv beløbet som 7,500.00 eller 7500, med komma ved tusinder og punktum før ørebeløbet."),
}


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".")
    for step in path:
        body = body.setdefault(step, {})
    body[last] = value
