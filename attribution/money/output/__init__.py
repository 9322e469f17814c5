"""The document for people and spreadsheets: text in 80 columns, CSV, Markdown."""
