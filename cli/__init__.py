"""The command ``receipt``: reads files, calls `receipts` and `verifier`, prints. No rule of the format lives here."""
