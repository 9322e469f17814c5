"""Whether an authority had seen a statement's signature by a time (spec/timestamp.md)."""

from cli.stamped.checking import Answer, Stamped, check_timestamps, read_certificates
from cli.stamped.codes import CODES

__all__ = ["CODES", "Answer", "Stamped", "check_timestamps", "read_certificates"]
