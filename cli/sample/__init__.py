"""The bundled sample: recorded usage, and a server that answers with it."""
