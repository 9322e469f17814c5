"""The reports beside the allocation (spec/attribution.md, Other reports). Each is JSON-ready: money is decimal text with 12 places."""
