"""What is made in the Python SDK is what its sources say now."""

from pathlib import Path

from chartly.sdk import AsyncChartly, Chartly
from chartly.tools.gen.sync_client import sync_client

SDK = Path(__file__).parents[2] / "sdk" / "python" / "chartly" / "sdk"


def test_the_client_without_asyncio_equals_a_fresh_generation() -> None:
    assert {path.name: path.read_bytes() for path in (SDK / "sync").glob("*.py")} == sync_client(SDK / "aio")


def test_both_clients_have_the_same_methods() -> None:
    assert _methods(Chartly(api_key="")) == _methods(AsyncChartly(api_key=""))


def test_nothing_of_asyncio_is_left_in_the_client_without_it() -> None:
    left = {
        word
        for path in (SDK / "sync").glob("*.py")
        for word in path.read_text().replace("aio/", "").split()
        if word in ("async", "await", "asyncio") or word.startswith(("Async", "grpc.aio", "__a"))
    }
    assert left <= {"__all__"}


def _methods(client: object) -> dict[str, set[str]]:
    resources = {name: resource for name, resource in vars(client).items() if not name.startswith("_")}
    return {
        name: {method for method in dir(resource) if not method.startswith("_")} for name, resource in resources.items()
    }
