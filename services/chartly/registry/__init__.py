"""Profiles and contracts as immutable revisions, and what may follow what.

Owns the profiles and the contracts, each a row of revisions with versions and digests. Calls audit, to which its outbox sends
the entry of each change. The coordinator follows its profiles; drones and the aggregator work by its revisions.
"""
