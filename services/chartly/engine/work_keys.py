"""Names of work: made from what is to be done, so that the same work has the same names wherever it is asked for."""

import hashlib


def work_key(tenant: str, profile_id: str, *, job_type: str, trigger_id: str, window: str = "") -> str:
    """Return the key of a piece of work: 64 hexadecimal digits of a sha256 over its parts, a line each.

    Args:
        tenant: whose work it is.
        profile_id: profile that it runs.
        job_type: `schedule`, `manual`, `upload`, `submit` or `replay`.
        trigger_id: tick of the schedule, request id, or digest of what was brought.
        window: of the source's data that it takes; empty for all.
    """
    return hashlib.sha256("\n".join([tenant, profile_id, window, job_type, trigger_id]).encode()).hexdigest()


def work_id(key: str) -> str:
    """Return the name of the work item of a key."""
    return f"w-{key[:20]}"


def run_id(key: str) -> str:
    """Return the name of the run that carries out the work of a key, whatever its attempts."""
    return f"r-{key[:20]}"
