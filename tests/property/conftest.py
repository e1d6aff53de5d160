"""How Hypothesis runs: the same examples every time, as many as a test says, and no verdict by the clock."""

from hypothesis import settings

settings.register_profile("chartly", derandomize=True, deadline=None)
settings.load_profile("chartly")
