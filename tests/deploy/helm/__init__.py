"""Tests of the Helm chart: rendered, linted and compared with the tables in code."""
