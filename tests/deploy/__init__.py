"""Tests of the launcher, the token issuer and the deployment files."""
