"""The tables, as SQL.

Money is HUGEINT in picounits. No query divides: what has to be divided is divided in exact Python.
"""

from typing import Final

TABLES: Final = """
CREATE TABLE receipts (            -- one request each
    item BIGINT, issuer VARCHAR, account VARCHAR, stream VARCHAR, sequence HUGEINT,
    time BIGINT, day DATE, hour BIGINT, request VARCHAR,
    provider VARCHAR, model VARCHAR,               -- model: provider/model
    terms VARCHAR,                                 -- JSON: what else selected the price, and the tier
    team VARCHAR, stated_team VARCHAR,             -- team: a registered one
    feature VARCHAR, environment VARCHAR, customer VARCHAR, surface VARCHAR,
    session VARCHAR, "user" VARCHAR, prefix_tag VARCHAR,
    logical HUGEINT, cached HUGEINT, written HUGEINT, output HUGEINT, reasoning HUGEINT,
    amount HUGEINT, full_price HUGEINT, saving HUGEINT, premium HUGEINT, storage HUGEINT,
    input_cost HUGEINT, full_input HUGEINT, uncertain HUGEINT,
    saving_rate HUGEINT, share_rate HUGEINT,       -- of a cached token: u - c, and the owner's share of it
    other_price HUGEINT,                           -- by another card, if one was given
    gaps BIGINT, miss VARCHAR
);
CREATE TABLE lines (
    item BIGINT, class VARCHAR, kind BIGINT, ttl HUGEINT, is_input BOOLEAN, sku VARCHAR, quantity HUGEINT,
    rate HUGEINT, per HUGEINT, amount HUGEINT,     -- rate: for so many
    saved HUGEINT, extra HUGEINT                   -- saving and premium of the request, at its first line of cached, and of written tokens
);
CREATE TABLE entries (item BIGINT, identifier VARCHAR, length HUGEINT);
CREATE TABLE writes (item BIGINT, ttl HUGEINT, tokens HUGEINT, premium_rate HUGEINT);
CREATE TABLE gaps (item BIGINT, tag VARCHAR, reason VARCHAR);
CREATE TABLE registered_ids (identifier VARCHAR, prefix VARCHAR);
CREATE TABLE registered (prefix VARCHAR, owner VARCHAR, tokens HUGEINT);
"""

PREFIXES: Final = """
-- Which prefix a request has (spec/attribution.md, Prefix of a request); storage has none.
CREATE TABLE found AS
WITH shared AS (                   -- (3): identifiers in requests of two teams or more
    SELECT identifier FROM entries JOIN receipts USING (item)
    WHERE team IS NOT NULL GROUP BY identifier HAVING count(DISTINCT team) >= 2
),
named AS (                         -- (1): the longest registered entry, of equal ones the highest
    SELECT item, max({'length': length, 'identifier': identifier}) AS entry
    FROM entries JOIN registered_ids USING (identifier) GROUP BY item
),
unowned AS (
    SELECT item, max({'length': length, 'identifier': identifier}) AS entry
    FROM entries SEMI JOIN shared USING (identifier) GROUP BY item
)
SELECT item,
    CASE WHEN named.entry IS NOT NULL THEN 1 WHEN registered.prefix IS NOT NULL THEN 2 ELSE 3 END AS source,
    coalesce(ids.prefix, registered.prefix, 'id:' || unowned.entry.identifier) AS prefix,
    named.entry.identifier AS identifier,
    CASE WHEN named.entry IS NOT NULL THEN named.entry.length
        WHEN registered.prefix IS NOT NULL THEN least(registered.tokens, receipts.logical)
        ELSE unowned.entry.length END AS length
FROM receipts
LEFT JOIN named USING (item)
LEFT JOIN unowned USING (item)
LEFT JOIN registered_ids AS ids ON ids.identifier = named.entry.identifier
LEFT JOIN registered ON registered.prefix = receipts.prefix_tag
WHERE receipts.logical > 0
    AND (named.entry IS NOT NULL OR registered.prefix IS NOT NULL OR unowned.entry IS NOT NULL);

CREATE TABLE prefixes AS           -- with what the cache did inside of it
WITH measured AS (
    SELECT found.*, registered.owner, time, day, request, team, customer, model, saving_rate, share_rate, miss,
        least(coalesce(cached, 0), length) AS hit, length - least(coalesce(cached, 0), length) AS missed,
        least(coalesce(written, 0), length - least(coalesce(cached, 0), length)) AS inside
    FROM found JOIN receipts USING (item) LEFT JOIN registered ON registered.prefix = found.prefix
),
before AS (                        -- what is inside is taken from the longest TTL first
    SELECT item, tokens, premium_rate, inside,
        coalesce(sum(tokens) OVER (PARTITION BY item ORDER BY ttl DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS longer
    FROM writes JOIN measured USING (item) WHERE inside > 0
),
inner_premiums AS (
    SELECT item, sum(greatest(0, least(tokens, inside - longer)) * premium_rate) AS inner_premium
    FROM before GROUP BY item
)
SELECT measured.*, coalesce(inner_premium, 0)::HUGEINT AS inner_premium,
    (missed * saving_rate + coalesce(inner_premium, 0))::HUGEINT AS excess,
    owner IS NOT NULL AND owner IS DISTINCT FROM team AS others
FROM measured LEFT JOIN inner_premiums USING (item);
DROP TABLE found;
"""
