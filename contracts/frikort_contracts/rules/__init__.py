"""Rules that a payroll vendor may run offline. They do no I/O: the caller reads files and calls the API."""
