"""Shows runs, their records and their quarantine, and takes records that clients bring themselves.

It owns a projection that can be rebuilt at any time: runs from storage's commit log and the coordinator's work items,
quarantined records from the artifacts that commits name. What clients bring (submissions, uploads, replays) it maps with
the profile engine and commits through storage. It calls registry, storage and coordinator.
"""
