"""Everything that crosses a service boundary: values, commands, events, topics and their encoding.

Services import this package and ``services.runtime``; this package imports neither.
"""
