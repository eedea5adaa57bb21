"""Login with OpenID Connect, sessions in MongoDB, access tokens for the API, and form tokens."""
