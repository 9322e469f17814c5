"""The cache tax: what the cache saved each team and what it cost, breaks, and who pays for them (spec/attribution.md)."""
