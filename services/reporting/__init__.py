"""Reporting: employments and earnings reports, and what it knows of the cards they are for."""
