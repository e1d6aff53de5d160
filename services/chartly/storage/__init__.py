"""Storage: owns datasets (Delta tables), their commit log, and artifacts by their digest.

It calls nobody but auth, for who its callers are, and audit, for their entries. Everybody who stages, reads or follows data
calls it. The Delta logs are the truth about datasets; its SQLite tables are projected from them and repaired from them.
"""
