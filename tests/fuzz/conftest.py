"""The number of examples of each property: FUZZ_EXAMPLES, by default Hypothesis's own."""

from __future__ import annotations

import os

from hypothesis import settings

if examples := os.environ.get("FUZZ_EXAMPLES"):
    settings.register_profile("fuzz", max_examples=int(examples), deadline=None)
    settings.load_profile("fuzz")
