"""A week of simulated traffic, honest or with one cheat in it: what `tests/test_week.py` verifies.

| module | does |
|---|---|
| `plans` | what is asked in the week, and what goes wrong with it, by a seed |
| `clock` | the week's clock |
| `answers` | the forms in which OpenAI and Anthropic answer |
| `provider` | the server behind the real `ReceiptMiddleware`, and what it bills otherwise |
| `network` | hosts, gateways and broken connections, as transports of httpx and httpx2 |
| `customer` | the official clients, behind the real `Wallet` |
| `traffic` | lets the week happen, and closes its two months |
| `books` | a closed month as Python data, which a provider with the key can change and sign again |
| `scene` | one cheat: what is changed in a book, and what the customer was told |
| `cheats` | all of them, in three modules |

All special calls, and a quarter of the plain ones (`plans.OFFICIAL`), are made with the official clients: nearly half of the week. The others
are driven by plain httpx through the same transports of the wallet, since a call of a client costs several times as much, and the wallet sees
the same bytes. Every answer passes through the real middleware; receipts that it does not issue (streams that broke off and are billed all
the same, chats without usage, results of batches, background responses when they are fetched) are issued by the same journals.
"""
