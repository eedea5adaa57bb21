"""The employer's slice: employments, reports, reminders and payroll files."""
