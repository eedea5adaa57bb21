"""Payroll files: many reports in one request, each line checked and booked on its own."""
