"""Identities of the mesh: API keys, the roles that they have, and the permissions that roles give.

Owns the keys, of which it stores only a digest. Calls audit, to which its outbox sends the entry of each key that is
created or revoked. Every other service asks it who a caller is.
"""
