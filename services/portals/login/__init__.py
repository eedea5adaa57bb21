"""Signing in: OpenID Connect at the door, sessions in MongoDB, form tokens."""
