"""The four methods of allocation (spec/attribution.md, Methods)."""
