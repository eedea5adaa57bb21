"""Tests of logging on: sessions, forms, and the way to the OpenID provider and back."""
