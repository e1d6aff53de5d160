"""The ledger: who did what, in one append-only Merkle log.

Owns the entries, which its siblings' outboxes send it, and the tree over them. Calls nobody but auth. `merkle`,
`leaves` and `verification` need no service, so that anyone who has the entries can check them.
"""
