"""Tests of the launcher, the local OpenID provider and the deployment files."""
