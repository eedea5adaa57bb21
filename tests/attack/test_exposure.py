"""What an attacker with employer tokens can find out, computed from the limits."""

from __future__ import annotations

from pathlib import Path

from services.gateway.attempts.rules import Limits
from tests.attack.exposure import DAY, YEAR, exposure, row_of
from tests.gateway.build import settings

LIMITS: Limits = settings().attempt_limits
PAGE = Path("docs/security.md")


def test_the_security_page_has_the_computed_exposure() -> None:
    rows = [row_of(exposure(LIMITS, tokens, time)) for tokens in (1, 10) for time in (DAY, YEAR)]
    page = PAGE.read_text(encoding="utf-8")
    missing = [row for row in rows if row not in page]
    assert missing == []


def test_ten_tokens_find_less_than_one_card_in_ten_years() -> None:
    assert exposure(LIMITS, 10, YEAR).cards_found < 0.1


def test_a_hundred_tokens_at_one_target_gain_less_than_their_number() -> None:
    one, hundred = exposure(LIMITS, 1, YEAR), exposure(LIMITS, 100, YEAR)
    assert one.at_one_target < hundred.at_one_target < 100 * one.at_one_target


def test_wider_limits_expose_more() -> None:
    wider = Limits(LIMITS.caller, LIMITS.suspicion, LIMITS.suspicion, LIMITS.suspected)
    assert exposure(wider, 1, YEAR).at_one_target > exposure(LIMITS, 1, YEAR).at_one_target
