"""The drone: a worker that leases work, fetches what a profile names, maps it, and delivers it to storage in one commit.

It owns nothing durable and listens to nobody. It calls the coordinator (leases, how far the work is, how it ended) and
storage (a stage for its files, the commit, the run's log); outside the mesh it fetches only what the operator allows.
"""
