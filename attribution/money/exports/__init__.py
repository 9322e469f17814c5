"""Verified receipts for the tools of others (spec/exports.md)."""
