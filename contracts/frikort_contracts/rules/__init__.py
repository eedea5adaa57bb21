"""Rules of the scheme that a payroll vendor may run offline."""
