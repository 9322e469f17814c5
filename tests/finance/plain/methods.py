"""The four methods: leaves by method."""

from fractions import Fraction
from math import floor

from tests.finance.plain.numbers import half_up, in_order, remainders, summed


def direct(month):
    return month.sums(lambda request: request.leaf, lambda request: request.price.amount)


def owner_share(month, request):
    """What a reader pays to the owner of its prefix."""
    if request.owner is None or request.owner == request.team:
        return 0
    settings = month.finance.get("methods", {}).get("warmup-adjusted", {})
    return request.hit * floor(Fraction(settings.get("owner_share", "0.20")) * request.reads)


def warmup_adjusted(month):
    """The leaves, and the sum of the credits."""
    moves = [*direct(month).items()]
    for request in month.requests:
        share = owner_share(month, request)
        moves.append((request.leaf, share))
        if share:
            owner = (request.owner, None, None, None, None, request.model, request.day)
            moves.append((owner, -share))
    credited = list(_credits(month))
    return summed([*moves, *credited]), -sum(amount for _, amount in credited if amount < 0)


def _credits(month):
    known = [request for request in month.requests if request.rule == 1]
    for at, writer in enumerate(known):
        if not writer.inside:
            continue
        rests = {}
        for reader in known[at + 1 :]:
            if (reader.identifier, reader.model) != (writer.identifier, writer.model):
                continue
            rest = reader.hit * reader.reads - owner_share(month, reader)
            other = (reader.team, reader.customer) != (writer.team, writer.customer)
            if reader.hit and other and rest > 0:
                rests[len(rests)] = (reader, rest)
            if reader.inside:
                break
        weights = {number: rest for number, (_, rest) in rests.items()}
        credit = min(writer.inner, sum(weights.values()))
        if credit > 0:
            yield writer.leaf, -credit
            for number, share in remainders(credit, weights).items():
                yield rests[number][0].leaf, share


def platform_tax(month):
    settings = month.finance.get("methods", {}).get("platform-tax", {})
    full = month.sums(lambda request: request.leaf, lambda request: request.price.full)
    invoice = sum(request.price.amount for request in month.requests)
    net = sum(full.values()) - invoice
    spread = net - half_up(Fraction(settings.get("keep", "0")) * net)
    shares = remainders(spread, full) if any(full.values()) else dict.fromkeys(full, 0)
    found = {leaf: full[leaf] - shares[leaf] for leaf in full}
    rest = (settings.get("team"), *[None] * 6)
    return summed([*found.items(), (rest, invoice - sum(found.values()))])


def pooled(month):
    moves = []
    for model in month.keys("model"):
        own = [request for request in month.requests if request.model == model]
        weights = summed((request.leaf, request.price.full_input) for request in own)
        pool = sum(request.price.input_cost + request.price.storage for request in own)
        if not any(weights.values()):
            moves += [(request.leaf, request.price.amount) for request in own]
            continue
        moves += remainders(pool, weights).items()
        for request in own:
            rest = request.price.amount - request.price.input_cost - request.price.storage
            moves.append((request.leaf, rest))
    return summed(moves)


def all_methods(month):
    adjusted, credited = warmup_adjusted(month)
    found = {
        "direct": direct(month),
        "warmup-adjusted": adjusted,
        "platform-tax": platform_tax(month),
        "pooled": pooled(month),
    }
    return {name: in_order(leaves) for name, leaves in found.items()}, credited
