"""The payment instructions of a report."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.employer.payment_instructions import expected_instructions, payment_instructions
from services.gateway.formats import Language

# Words that ask for a payment. A receipt is read after the wage is paid.
INVITATION = re.compile(r"\b(udbetal|betal|overfør|send|pay|pay out|transfer)\b", re.IGNORECASE)
ORE = st.integers(0, 10_000_000)


@given(exempt=ORE, excess=ORE, provisional=st.booleans(), language=st.sampled_from(Language))
def test_d1_no_instruction_invites_a_second_payment(
    exempt: int, excess: int, language: Language, *, provisional: bool
) -> None:
    for instructions in (payment_instructions, expected_instructions):
        found = instructions(exempt=exempt, excess=excess, year=2026, provisional=provisional, language=language)
        assert not INVITATION.search(" ".join(found))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (Language.DANISH, "5.000,00 kr. er skattefri frikortløn. Træk ikke skat, og indberet den ikke til eIndkomst."),
        (Language.ENGLISH, "5,000.00 kr. is exempt card wage. Deduct no tax, and do not report it to eIndkomst."),
    ],
)
def test_d1_an_exempt_wage_is_not_taxed_and_not_reported_to_the_tax_agency(language: Language, text: str) -> None:
    found = payment_instructions(exempt=500_000, excess=0, year=2026, provisional=False, language=language)
    assert found == [text]
