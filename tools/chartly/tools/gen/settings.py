"""The reference page of the services' settings, made from the settings classes themselves."""

import importlib
import inspect
from pathlib import Path

import chartly
from chartly.runtime.settings import ServiceSettings, settings_reference
from chartly.tools.gen.reference import made_from


def settings_page() -> str:
    """Return the page of the settings that all services have and of what each adds."""
    return made_from("the services' settings") + settings_reference(_settings_classes())


def _settings_classes() -> set[type[ServiceSettings]]:
    paths = (path for folder in chartly.__path__ for path in Path(folder).glob("*/config.py"))
    configs = [f"chartly.{path.parent.name}.config" for path in paths]
    return {
        settings
        for config in configs
        for _, settings in inspect.getmembers(importlib.import_module(config), inspect.isclass)
        if issubclass(settings, ServiceSettings) and settings.__module__ == config
    }
