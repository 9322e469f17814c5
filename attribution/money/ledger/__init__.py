"""The priced requests of a period as tables of DuckDB: read, loaded, and asked in SQL that finance can read."""
