"""Forms: the typed text, the values that it stands for, and the errors at each field.

A field's name is the path of its value in the API's request body, with dots: the input ``period.first`` becomes
``{"period": {"first": ...}}``, and an error of the API at ``/period/first`` is shown at that input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from gettext import NullTranslations
from typing import Any, Final
from uuid import uuid4

from frikort_contracts.rules import reading
from frikort_contracts.values import Cpr
from pydantic import TypeAdapter
from starlette.datastructures import FormData, UploadFile

from services.portals.api import Refused
from services.portals.formats import Language, kroner
from services.portals.labels import problem_text
from services.portals.texts import N_

KEY: Final = "key"
TOKEN: Final = "form_token"  # noqa: S105 - a field's name
_DATE_PARTS: Final = ("day", "month", "year")
_DECIMAL_SIGN: Final[dict[Language, reading.DecimalSign]] = {Language.DANISH: ",", Language.ENGLISH: "."}
_CPR: Final = TypeAdapter(Cpr)
_MOST_DIGITS: Final = 12
_INVALID: Final = 422

Parse = Callable[[str, Language], Any]
Show = Callable[[Any, Language], str]


@dataclass(frozen=True)
class Field:
    """One field of a form.

    Attributes:
        parse: from the typed text, which is not empty, to the value; raises ``ValueError``.
        show: from a value to the text that a person would type.
        missing: the error when nothing was typed.
        wrong: the error when the text cannot be parsed or the API refuses its form.
        optional: an empty field is no error; it is left out of the body.
        parts: the names of the inputs, if there are several.
        is_file: the field is a file, in ``Form.files`` instead of the body.
    """

    parse: Parse
    show: Show
    missing: str
    wrong: str
    optional: bool = False
    parts: tuple[str, ...] = ()
    is_file: bool = False


Fields = Mapping[str, Field]


def text(of: Any = str, *, missing: str = N_("Udfyld feltet."), wrong: str = "", optional: bool = False) -> Field:
    """A text of the contracts' type ``of``, as the API reads it."""
    adapter: TypeAdapter[str] = TypeAdapter(of)

    def parse(typed: str, _: Language) -> str:
        return adapter.validate_python(reading.plain_text(typed))

    return Field(parse, lambda value, _: str(value), missing, wrong, optional)


def card_number(*, missing: str = N_("Skriv frikortnummeret.")) -> Field:
    """A card number; spaces in it are removed."""
    wrong = N_("Et frikortnummer er fem cifre, også med nul forrest.")
    return Field(lambda typed, _: reading.card_number(typed), lambda value, _: str(value), missing, wrong)


def cpr(*, missing: str = N_("Skriv CPR-nummeret.")) -> Field:
    """A CPR number, with or without a hyphen; spaces in it are removed."""
    wrong = N_("Skriv CPR-nummeret med ti cifre. De første seks er fødselsdagen, for eksempel 010190-1234.")
    return Field(lambda typed, _: parse_cpr(typed), lambda value, _: str(value), missing, wrong)


def amount(*, missing: str = N_("Skriv beløbet i kroner."), optional: bool = False) -> Field:
    """An amount in kroner; the value is in øre."""
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
    """A checkbox: true when checked, else left out of the body."""
    return Field(lambda typed, _: typed == "true", lambda value, _: "true" if value else "", "", "", optional=True)


def upload(*, missing: str = N_("Vælg en fil.")) -> Field:
    """A file."""
    return Field(lambda typed, _: typed, lambda value, _: str(value), missing, "", is_file=True)


def parse_amount(typed: str, language: Language) -> int:
    """An amount in øre, in the notation of the page's language. Raises ``ValueError``.

    No text means different amounts in the two languages.
    """
    ore = reading.amount(typed, _DECIMAL_SIGN[language])
    if ore < 0:
        raise ValueError(reading.NEGATIVE_AMOUNT)
    return ore


def parse_day(typed: str, _: Language) -> date:
    """The day of ``day month year``. Raises ``ValueError``."""
    return reading.day(typed)


def parse_cpr(typed: str) -> str:
    """The ten digits of a CPR number. Raises ``ValueError``."""
    return _CPR.validate_python("".join(typed.split()))


@dataclass
class Form:
    """A form, empty or filled in.

    Attributes:
        key: the Idempotency-Key, so that a form that is sent twice runs one command.
        posted: the names and values that the browser sent, now or before a login.
        body: the values as the API's request body. Complete only when ``valid``.
        errors: the error of each field, by name.
        general: errors of the form as a whole.
        problem: the code of the problem with which the API refused the form.
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
    problem: str = ""
    status: int = 200

    @property
    def valid(self) -> bool:
        """Whether no error is known."""
        return not self.errors and not self.general

    @property
    def step(self) -> str:
        """The button that was pressed on a summary: ``send`` or ``edit``; empty on the page before it."""
        return self.typed.get("step", "")

    @property
    def problems(self) -> list[tuple[str | None, str]]:
        """For the error summary: (id of the input to go to, text), in the order of the form."""
        at_fields = [(self.target(name), self.errors[name]) for name in self.fields if name in self.errors]
        return [*((None, text) for text in self.general), *at_fields]

    def value(self, name: str) -> str:
        """The text of an input, or of one part of it (``period.first`` or ``period.first-day``)."""
        return self.typed.get(name, "")

    def target(self, name: str) -> str:
        """The id of a field's first input."""
        parts = self.fields[name].parts
        return input_id(f"{name}-{parts[0]}" if parts else name)

    def add_error(self, name: str, text: str) -> None:
        """Show an error at a field."""
        self.errors[name] = text
        self.status = _INVALID

    def refuse(self, refused: Refused, concerns: Mapping[str, str] | None = None) -> Form:
        """Show the API's problem: at the fields of its errors, or at the field that ``concerns`` has for its code.

        A refused command gets a new key, for the API stores the response under the old one. A command that may have
        been accepted keeps its key, so that sending the form again cannot run it twice.
        """
        problem = refused.problem
        self.problem, self.status = refused.code, refused.status
        if not refused.may_have_happened:
            self.key = str(uuid4())
        unplaced = not problem.errors
        for error in problem.errors or ():
            name = self._at(error.pointer)
            if name is None:
                unplaced = True
            else:
                wrong = self.fields[name].wrong if error.code in _OF_FORM else ""
                self.errors.setdefault(name, self.translations.gettext(wrong) if wrong else error.detail)
        concerned = (concerns or {}).get(refused.code)
        if concerned is not None:
            self.errors[concerned] = problem_text(refused, self.translations)
        elif unplaced:
            self.general.append(problem_text(refused, self.translations))
        return self

    def _at(self, pointer: str) -> str | None:
        """The field of a JSON pointer: the one that it names or lies in, else the last one below it."""
        path = pointer.removeprefix("/").replace("/", ".")
        within = [name for name in self.fields if name == path or path.startswith(f"{name}.")]
        below = [name for name in self.fields if name.startswith(f"{path}.")]
        found = within or below
        return found[-1] if found else None


def input_id(name: str) -> str:
    """The id of the input of a field."""
    return name.replace(".", "-")


def empty_form(fields: Fields, values: Mapping[str, Any], **about: Any) -> Form:
    """A form to fill in. ``values`` are those of the API, by field name, and appear as typed text."""
    form = Form(fields=fields, **about)
    typed: dict[str, str] = {}
    for name, value in values.items():
        if value is not None:
            shown = fields[name].show(value, form.language)
            parts = fields[name].parts
            typed |= zip((f"{name}-{part}" for part in parts), shown.split(), strict=True) if parts else {name: shown}
    return replace(form, typed=typed)


def restored_form(fields: Fields, posted: Sequence[tuple[str, str]], **about: Any) -> Form:
    """A form with what was typed before, to be sent again: its values and errors follow when it is sent.

    It keeps its key: if it was accepted before, sending it again gets the same response.
    """
    form = Form(fields=fields, typed=dict(posted), posted=posted, **about)
    form.key = form.typed.get(KEY) or form.key
    return form


def read_form(fields: Fields, data: FormData, **about: Any) -> Form:
    """A form that was sent, with its values and errors."""
    posted = [(name, value) for name, value in data.multi_items() if isinstance(value, str)]
    typed = {name: value.strip() for name, value in posted}
    files = {name: value for name, value in data.multi_items() if isinstance(value, UploadFile) and value.size}
    form = Form(fields=fields, typed=typed, posted=posted, files=files, **about)
    form.key = typed.get(KEY) or form.key
    for name, one in fields.items():
        if one.is_file:
            if name not in files:
                form.add_error(name, form.translations.gettext(one.missing))
            continue
        raw = " ".join(typed.get(f"{name}-{part}", "") for part in one.parts) if one.parts else typed.get(name, "")
        if not raw.strip():
            if not one.optional:
                form.add_error(name, form.translations.gettext(one.missing))
            continue
        try:
            value = one.parse(raw, form.language)
        except ValueError as error:
            form.add_error(name, form.translations.gettext(one.wrong or _amount_error(str(error), form.language)))
        else:
            _put(form.body, name, value)
    _check_order(form)
    return form


_OF_FORM: Final = frozenset({"wrong-format", "too-long", "too-short", "not-a-card-number", "not-a-cpr-number",
                             "not-a-date", "not-an-allowed-value", "invalid-value"})  # fmt: skip
"""The codes of the API's errors that the ``wrong`` of a field explains; the others have a text that says more."""

_AMOUNT_FORMAT: Final = {
    Language.DANISH: N_("Skriv beløbet som 7.500,00 eller 7500, med punktum ved tusinder og komma før ørerne."),
    Language.ENGLISH: N_("Skriv beløbet som 7,500.00 eller 7500, med komma ved tusinder og punktum før ørerne."),
}


def _amount_error(message: str, language: Language) -> str:
    if message == reading.NEGATIVE_AMOUNT:
        return N_("Et beløb er aldrig negativt. Er en indberetning forkert, så ret den, eller træk den tilbage.")
    return _AMOUNT_FORMAT[language]


def _check_order(form: Form) -> None:
    """Add an error to each last day that lies before its first day, beside the other errors of the form."""
    for name in form.fields:
        above, _, last = name.rpartition(".")
        period = form.body.get(above, {}) if above else form.body
        if last == "last" and "last" in period and period.get("first", period["last"]) > period["last"]:
            form.add_error(name, form.translations.gettext(N_("Den sidste dag ligger før den første.")))


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".")
    for step in path:
        body = body.setdefault(step, {})
    body[last] = value
