"""The steps of the procedure, each a function named after it, in the order of spec/verification.md."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from verifier.customer.identifiers import check_identifiers as compare_identifiers
from verifier.customer.own_prompts import compare_prompts
from verifier.customer.reconcile import Reconciliation
from verifier.customer.record import RecordError
from verifier.customer.subject import VerifiedBatch
from verifier.evidence.figures import FigureSums
from verifier.evidence.worth import Pricing
from verifier.format.claims import Receipt, Statement
from verifier.format.envelope import Kind
from verifier.item.opening import Opened
from verifier.order.block import Item, single
from verifier.order.collection import InputTooLargeError
from verifier.order.part import Part
from verifier.procedure.corrections import compare_corrections
from verifier.procedure.repeats import compare_repeats, compare_requests
from verifier.procedure.rows import VerifiedRows
from verifier.procedure.run import MAX_LOST, Run
from verifier.procedure.summary import report_of
from verifier.reading.framing import Span, UnreadableError
from verifier.report.findings import Finding
from verifier.statements import completeness
from verifier.statements.chain import Seen, check_chain
from verifier.statements.known import opened_statements
from verifier.statements.settlement import OpenStream, settle


def read(run: Run) -> Iterator[tuple[Span, Part | None]]:
    """Step 1: spans of items; those of receipts with what came of steps 2 to 8, which need nothing but the item."""
    try:
        with closing(run.question.workers(run.batch, run.demand)) as opening:
            for span, part in opening:
                yield span, part
                if run.ending.early:
                    break
    except UnreadableError as fault:
        run.ending.at_fault = True
        run.findings.add(Finding(fault.code, str(fault), item=fault.number, offset=fault.offset))
    run.batch.hash_rest()


def open_and_collect(run: Run, span: Span, part: Part | None) -> None:
    """Steps 2 to 9, and 10 for a statement: all receipts of a span at once where they are in order, else item by item."""
    if part is not None and _is_in_order(run, part):
        run.opened.join(part)
        for block in part.blocks:
            run.collection.add(block)
        return
    for place in span.items():
        item = Item(*place)
        opened = run.opened.open(item, run.demand)  # 2 to 8
        try:
            _collect(run, item, opened)
        except InputTooLargeError:
            run.ending.at_fault = True
        run.ending.at_lost = run.opened.lost_rejected >= MAX_LOST
        if run.ending.early:
            return


def _is_in_order(run: Run, part: Part) -> bool:
    """Whether the receipts of a part can be collected as they are, and the reading does not end in it."""
    return (
        run.opened.lost_rejected + part.lost_rejected < MAX_LOST
        and run.collection.has_room_for(part.blocks)
        and run.collection.follow(part.blocks)
    )


def _collect(run: Run, item: Item, opened: Opened) -> None:
    """Step 9 for a receipt, step 10 for a statement."""
    if opened.lost:
        return
    if isinstance(opened.claims, Statement):
        _settle(run, item, opened.claims, opened)
    elif isinstance(opened.claims, Receipt):
        block = single(opened.claims, opened.digest, item, run.demand.columns)
        if run.collection.follow([block]):
            run.collection.add(block)
        else:
            run.collection.repeats.append(block)
            run.opened.lose(Kind.RECEIPT)


def _settle(run: Run, item: Item, claims: Statement, opened: Opened) -> None:
    """Step 10: hold a statement against the receipts since the last one of its account, which it clears."""
    name = (claims.issuer, claims.account)
    ledger, account = run.ledger(name), run.collection.account(name)
    if opened.digest in ledger.digests:
        message = f"statement {claims.number} is in the input already"
        place = {"item": item.number, "offset": item.offset}
        run.findings.add(Finding.about(claims, "statement-duplicate", message, **place))
    elif claims.number in ledger.numbers:  # step 11 has the finding
        seen = Seen(claims, opened.digest, item.raw, item.number, opened.signed)
        ledger.add(seen)
    else:
        lost = run.opened.lost_receipts
        settlement = settle(claims, item.number, account, lost, run.findings)
        befores = settlement.befores
        ledger.settlements.append(settlement)
        ledger.add(Seen(claims, opened.digest, item.raw, item.number, opened.signed, befores))
    if opened.signed:
        run.raw_statements.append((claims, item.raw))
    account.clear()


def compare_repeated(run: Run) -> None:
    """Step 9, what all of the input decides: which receipts stand twice, what is corrected, and which requests stand twice."""
    run.conflicts += compare_repeats(run)
    run.conflicts += compare_corrections(run)
    compare_requests(run)


def settle_open_streams(run: Run) -> None:
    """Step 10, where a stream is not exactly what its statement lists."""
    waiting: dict[tuple[str, str, str], list[OpenStream]] = {}
    for (issuer, account), ledger in run.ledgers.items():
        for settlement in ledger.settlements:
            for stream in settlement.open:
                waiting.setdefault((issuer, account, stream.name), []).append(stream)
    if not waiting:
        return
    for block in run.collection.index.blocks():
        streams = waiting.get((block.issuer, block.account, block.stream), [])
        while streams and streams[0].next <= block.first:  # sequences rise, over statements as well
            streams.pop(0).tell(run.findings)
        if streams and streams[0].first <= block.first:
            streams[0].see(block)
    for streams in waiting.values():
        for stream in streams:
            stream.tell(run.findings)


def check_chains(run: Run) -> None:
    """Step 11."""
    for account, ledger in run.ledgers.items():
        known = list(opened_statements(run.question.known, account, run.question.policy))
        ledger.absent = [seen.claims for seen in known if seen.digest not in ledger.digests]
        ledger.chain = check_chain([*known, *ledger.seen])
        run.findings.extend(ledger.chain.findings)
        run.conflicts += ledger.chain.conflicts


def check_completeness(run: Run) -> None:
    """Step 12."""
    if not run.opened.counts.items and not run.ending.early:
        run.findings.add(Finding("batch-empty", "the input holds no item"))
    question = run.question
    if run.holds_every_statement:
        for finding in completeness.check_completeness(
            run.collection.accounts, run.ledgers, question.policy.account, question.period
        ):
            run.findings.add(finding)
    for finding in completeness.check_replayed(run.ledgers, question.period):
        run.findings.add(finding)


def check_identifiers(run: Run) -> None:
    """Step 13."""
    if run.opened.counts.identifying:
        check = compare_identifiers(run.last_words(), run.findings)
        run.identifier_checks = [check]


def check_charges(run: Run) -> None:
    """R-18.1 to R-18.4: the last words against the rate cards, if there are any."""
    if run.question.cards:
        run.charge_checks.add_blocks(run.last_words(timed=True))


def check_record(run: Run) -> None:
    """Step 14.

    Raises:
        RecordError: the record cannot be read, or the batch holds several accounts.
    """
    record = run.question.record
    if record is None:
        return
    accounts = {*run.collection.accounts, *run.ledgers}
    if len(accounts) > 1:
        raise RecordError(
            "the batch holds several accounts: name the one of your record (--account)"
        )
    covered = [one for ledger in run.ledgers.values() for one in ledger.covered]
    if (period := run.question.period) is not None:
        cut = [(max(s, period[0]), min(e, period[1])) for s, e in covered]
        covered = [(start, end) for start, end in cut if start < end]
    if record.requests:
        for finding in completeness.late_apart(run.ledgers):
            run.findings.add(finding)
    blocks = run.collection.index.blocks() if record.requests or record.received else ()
    batch = VerifiedBatch(
        run.question.policy, accounts, covered, run.batch.fetch, run.demand.signatures
    )
    corrections = run.collection.corrections
    with closing(
        Reconciliation(blocks, corrections, record, batch, run.findings)
    ) as reconciliation:
        run.record_checks, received = reconciliation.compare()
    run.conflicts += received.conflicts
    run.omitted = received.omitted
    if record.prompts:
        run.record_checks += compare_prompts(run.last_words(timed=True), record, run.findings)


def make_figures(run: Run) -> None:
    """What a report says besides: figures, and what the findings are worth (spec/report.md)."""
    if not run.question.figures:
        return
    findings = run.findings.in_input_order()
    sums, pricing = FigureSums(), Pricing(run.question.cards, findings)
    for block in run.collection.index.blocks():
        sums.see(block)
    for block in run.last_words():
        sums.count(block)
        pricing.see(block)
    run.figures = sums.conclude(run.ledgers, run.findings)


def conclude(run: Run) -> VerifiedRows:
    """Step 15: R-15.1 is `Report.verdict`."""
    return VerifiedRows(report_of(run), run.collection.index, run.collection.corrections)
