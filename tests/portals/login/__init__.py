"""Tests of the login: sessions, forms, and the OpenID provider."""
