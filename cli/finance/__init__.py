"""What the finance commands read besides batches: finance.toml with the tables beside it, and rate cards."""
