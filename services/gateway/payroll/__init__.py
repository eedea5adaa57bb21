"""Payroll files: many reports in one request, checked line by line, then booked each on its own."""
