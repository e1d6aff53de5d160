"""The reference page of the services' settings, made from the settings classes themselves."""

import importlib
import importlib.util
import inspect
import pkgutil

import chartly
from chartly.runtime.settings import ServiceSettings, settings_reference
from chartly.tools.gen.reference import made_from


def settings_page() -> str:
    """Return the page of the settings that all services have and of what each adds."""
    return made_from("the services' settings") + settings_reference(_settings_classes())


def _settings_classes() -> set[type[ServiceSettings]]:
    packages = (package.name for package in pkgutil.iter_modules(chartly.__path__, "chartly.") if package.ispkg)
    configs = (f"{name}.config" for name in packages if importlib.util.find_spec(f"{name}.config"))
    return {
        settings
        for config in configs
        for _, settings in inspect.getmembers(importlib.import_module(config), inspect.isclass)
        if issubclass(settings, ServiceSettings) and settings.__module__ == config
    }
