"""Which role may call which method, for all of both. Run as a program, this rewrites the golden file."""

import json
from pathlib import Path

from chartly.api.options.v1 import options_pb2
from chartly.auth.roles import RULES, Roles
from google.protobuf.descriptor_pb2 import FileDescriptorSet

DESCRIPTORS = FileDescriptorSet.FromString(
    Path(__file__).parents[2].joinpath("gen/descriptors/chartly.binpb").read_bytes()
)
GOLDEN = Path(__file__).parent / "golden" / "roles.json"


def matrix() -> dict[str, list[str] | str]:
    """Return the roles that may call each method, or why anyone may."""
    options = {
        f"{service.name}.{method.name}": method.options.Extensions
        for file in DESCRIPTORS.file
        for service in file.service
        for method in service.method
    }
    permissions = {name: found[options_pb2.permission] for name, found in options.items()}
    roles = Roles({permission for permission in permissions.values() if permission})
    return {
        name: [role for role in RULES if permission in roles.permissions([role])]
        if permission
        else f"anyone: {options[name][options_pb2.public]}"
        for name, permission in sorted(permissions.items())
    }


def rendered() -> str:
    """Return the matrix with a line for each method, so that a change of one is a line of a diff."""
    lines = [f"  {json.dumps(name)}: {json.dumps(roles)}" for name, roles in matrix().items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def test_roles_may_call_what_the_golden_file_says() -> None:
    assert rendered() == GOLDEN.read_text()


if __name__ == "__main__":
    GOLDEN.write_text(rendered())
