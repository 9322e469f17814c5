"""What the comparison asks the database of `verifier.customer.tables`."""

from __future__ import annotations

from typing import Final

from verifier.customer.calls import DAY_MS
from verifier.customer.tables import stated_columns

ABOUT: Final = "batch.item, issuer, batch.account, stream, sequence, batch.request"
"""What a finding names of a receipt."""
PHANTOMS: Final = f"""
SELECT {ABOUT} FROM batch WHERE span IS NULL AND request NOT IN (SELECT request FROM calls WHERE ours AND request IS NOT NULL)
  AND (client IS NULL OR client NOT IN (SELECT client FROM calls WHERE ours AND client IS NOT NULL)) ORDER BY item
"""
"""R-14.2."""
REPEATED: Final = f"""
SELECT item, issuer, account, stream, sequence, request, kept FROM (
  SELECT {ABOUT}, first_value(batch.item) OVER echoes AS kept, row_number() OVER echoes AS place
  FROM batch JOIN calls ON calls.client = batch.client
  WHERE calls.ours AND batch.client IN (SELECT client FROM batch WHERE client IS NOT NULL GROUP BY client HAVING count(*) > 1)
    AND (batch.request IS calls.request OR batch.request NOT IN (SELECT request FROM calls WHERE ours AND request IS NOT NULL AND client IS NOT NULL))
  WINDOW echoes AS (PARTITION BY batch.client ORDER BY batch.request IS calls.request DESC, batch.item))
WHERE place > 1 ORDER BY item
"""
"""R-14.3: receipts that echo the commitment of a call as its own one does, or else an earlier one, and the item of that."""
ANOTHER_ID: Final = f"""
SELECT {ABOUT}, calls.request, calls.place FROM batch JOIN pairs USING (item) JOIN calls USING (call)
WHERE NOT pairs.named AND calls.named ORDER BY item
"""
"""R-14.4."""
ANOTHER_COMMITMENT: Final = f"""
SELECT {ABOUT}, batch.client, max(calls.client) FROM batch JOIN pairs USING (item) JOIN calls USING (call)
WHERE pairs.named AND batch.client IS NOT NULL AND calls.client IS NOT NULL
GROUP BY item HAVING NOT max(calls.client = batch.client) ORDER BY item
"""
"""R-14.5."""
CLOSED: Final = f"""
SELECT {ABOUT}, min(calls.place) FROM batch JOIN pairs USING (item) JOIN calls USING (call)
GROUP BY item HAVING min(calls.closed) = 1 ORDER BY item
"""
"""R-14.6."""
DIFFERENT: Final = f"""
SELECT {ABOUT}, {stated_columns("batch")}, {stated_columns("calls")} FROM batch JOIN pairs USING (item) JOIN calls USING (call)
WHERE pairs.named < 2 AND (calls.logical IS NOT NULL AND calls.logical IS NOT batch.logical OR calls.cached IS NOT NULL AND calls.cached IS NOT batch.cached
  OR calls.output IS NOT NULL AND calls.output IS NOT batch.output
  OR calls.reasoning IS NOT NULL AND calls.reasoning IS NOT batch.reasoning
  OR calls.writes IS NOT NULL AND calls.writes IS NOT batch.writes
  OR calls.units IS NOT NULL AND calls.units IS NOT batch.units
  OR calls.model <> batch.model OR calls.tier <> batch.tier OR calls.usage <> batch.usage)
ORDER BY item, call
"""
"""R-14.7 to R-14.10: receipts of which a claim may not be what the call states; `differences` tells."""
UNTIMELY: Final = f"""
SELECT {ABOUT}, batch.time, min(first), max(last) FROM batch JOIN pairs USING (item) JOIN calls USING (call)
WHERE NOT calls.replay AND span IS NULL AND batch.time IS NOT NULL GROUP BY item HAVING count(first) AND NOT max(first IS NOT NULL AND batch.time BETWEEN first AND last) ORDER BY item
"""
"""R-14.11."""
WITHOUT_RECEIPT: Final = """
SELECT min(request), min(place), min(first), max(last), max(first IS NULL) FROM calls
WHERE ours AND due AND call NOT IN (SELECT call FROM pairs) GROUP BY coalesce(request, call) ORDER BY min(call)
"""
"""R-14.1, before the times are looked at."""
MISPLACED: Final = f"""
SELECT batch.item, issuer, batch.account, stream, sequence, batch.request, batch.time, received.place, first, last, closed,
       {stated_columns("batch")}, {stated_columns("calls")}
FROM received JOIN batch USING (item) JOIN calls ON calls.call = received.call
WHERE calls.ours AND NOT calls.replay AND corrects IS NULL AND NOT EXISTS (SELECT 1 FROM pairs WHERE pairs.item = batch.item AND pairs.call = calls.call)
ORDER BY received.rowid
"""
"""R-14.14: received receipts that are in the batch, but not as the receipt of the call that they came with."""
WITHOUT_RECEIVED: Final = """
SELECT count(*), min(place) FROM calls WHERE ours AND due AND answered AND call NOT IN (SELECT call FROM received WHERE call IS NOT NULL)
  AND EXISTS (SELECT 1 FROM calls other JOIN received USING (call) WHERE other.host IS calls.host)
"""
"""R-14.15."""
UNCONFIRMED: Final = """
SELECT item, batch.logical FROM batch JOIN pairs USING (item) JOIN calls USING (call)
WHERE span IS NULL AND item NOT IN (SELECT item FROM faulty)
GROUP BY item HAVING min(calls.seen) AND count(coalesce(calls.logical, calls.output)) = 0 ORDER BY item
"""
"""R-14.17: receipts of which the calls show no usage, though the record has what was answered."""
BILLED_UNITS: Final = """
SELECT item, batch.units, calls.units, calls.reasoning FROM batch JOIN pairs USING (item) JOIN calls USING (call)
WHERE batch.units IS NOT NULL AND item NOT IN (SELECT item FROM faulty)
  AND (span IS NOT NULL OR calls.seen AND coalesce(calls.logical, calls.output) IS NOT NULL) ORDER BY item
"""
"""R-14.17, R-14.21: the units of receipts, and those that their calls show."""
BY_MODEL: Final = f"""
SELECT {ABOUT}, batch.models, calls.models FROM batch JOIN pairs USING (item) JOIN calls USING (call)
WHERE batch.models IS NOT NULL AND item NOT IN (SELECT item FROM faulty) AND (calls.seen OR calls.models IS NOT NULL) ORDER BY item
"""
"""R-14.7, R-14.17: the counts by model of receipts, and those that their calls show."""
SPANS: Final = """
SELECT count(*), min(item) FROM batch WHERE span IS NOT NULL AND item NOT IN (SELECT item FROM pairs)
"""
"""R-14.21: receipts for a span of time that the record does not name."""
UNTIMELY_SPANS: Final = f"""
SELECT {ABOUT}, batch.time, span, span_end, min(first), max(last) FROM batch JOIN pairs USING (item) JOIN calls USING (call)
WHERE NOT calls.replay AND span IS NOT NULL AND batch.time IS NOT NULL AND first IS NOT NULL
GROUP BY item HAVING NOT max(first < span_end AND span <= last AND span <= batch.time AND batch.time <= span_end + {DAY_MS}) ORDER BY item
"""
"""R-14.11, of spans."""
