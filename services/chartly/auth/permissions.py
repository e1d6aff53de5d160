"""The permissions that the contracts of the nine services declare."""

from importlib import import_module

from chartly.runtime.contracts import methods_of
from chartly.runtime.settings import PORTS


def declared_permissions() -> frozenset[str]:
    """Return the permissions of all methods of the mesh that are not public."""
    for service in PORTS:
        import_module(f"chartly.api.{service}.v1.{service}_pb2")
    return frozenset(method.permission for service in PORTS for method in methods_of(service) if method.permission)
