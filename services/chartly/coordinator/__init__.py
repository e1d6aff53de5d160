"""The coordinator: owns drones, schedules and the work queue, and leases work with fencing tokens that only grow.

It calls the registry (profiles, followed and asked) and is called by drones, by people who run or preview a profile, and
by the aggregator and the gateway, which follow its changes.
"""
