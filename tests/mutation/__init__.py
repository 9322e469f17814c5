"""Mutations of the verifier: small mechanical changes of its code, each of which a test must notice."""
