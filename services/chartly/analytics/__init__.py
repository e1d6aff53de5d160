"""Analytics computes tables and correlations over joined datasets, the same to the last bit on every machine.

It owns nothing durable. It asks storage for snapshots, with its caller's key, and reads their Parquet files itself.
"""
