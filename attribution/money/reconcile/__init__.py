"""What verified receipts cost against an invoice or a provider's export: readers, one module each, and the comparison."""
