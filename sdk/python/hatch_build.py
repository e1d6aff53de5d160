"""Adds to the wheel what is made from the contracts; an editable installation finds it in the checkout."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_MADE = {
    "../../gen/python/chartly/api": "chartly/api",
    "../../gen/python/buf": "buf",
    "../../gen/policy/service_config.json": "chartly/sdk/service_config.json",
}


class Made(BuildHookInterface[Any]):
    """The hook that the build finds in this file."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name what goes along, for any build but an editable one."""
        if version != "editable":
            build_data["force_include"].update(_MADE)
