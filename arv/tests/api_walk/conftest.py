import pytest
from pytest_django.fixtures import Settings


@pytest.fixture(autouse=True)
def no_limit(settings: Settings) -> None:
    """A walk asks more in a minute than a person does."""
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
    settings.PUBLIC_REQUESTS_PER_MINUTE = 1_000_000
