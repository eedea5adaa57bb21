"""Balance: one ledger for each card and year, the split of every report, and the cap warnings."""
