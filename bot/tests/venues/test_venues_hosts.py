"""Which hosts may get our keys, and which keys belong to which environment."""

from __future__ import annotations

import pytest

from bot.domain.errors import ConfigError
from bot.venues.hosts import check_keys, data_url, trading_url

PAPER, LIVE, DATA = "https://paper-api.alpaca.markets", "https://api.alpaca.markets", "https://data.alpaca.markets"


@pytest.mark.parametrize(
    ("environment", "override", "address"),
    [
        ("paper", "", PAPER),
        ("live", "", LIVE),
        ("paper", "  ", PAPER),
        ("paper", PAPER, PAPER),
        ("paper", PAPER + "/", PAPER),
        ("paper", PAPER + "/v2", PAPER),
        ("paper", PAPER + "/v2/", PAPER),
        ("paper", PAPER + "//", PAPER),
        ("paper", "https://Paper-API.alpaca.markets:443/v2", PAPER),
        ("live", LIVE + "/v2", LIVE),
        ("paper", "http://127.0.0.1:4010/v2/", "http://127.0.0.1:4010"),
        ("live", "http://localhost:4010", "http://localhost:4010"),
        ("paper", "http://[::1]:4010/", "http://[::1]:4010"),
        ("paper", "https://127.0.0.1", "https://127.0.0.1"),
    ],
)
def test_an_address_is_put_right(environment: str, override: str, address: str) -> None:
    assert trading_url(environment, override) == address
    assert trading_url(environment, address) == address


@pytest.mark.parametrize(
    ("override", "why"),
    [
        (LIVE, "api.alpaca.markets"),
        (DATA, "data.alpaca.markets"),
        ("https://example.org", "example.org"),
        ("https://paper-api.alpaca.markets.example.org", "example.org"),
        ("https://paper-api.alpaca.markets.", "the host"),
        ("https://127.0.0.1.example.org", "example.org"),
        ("https://127.0.0.2", "127.0.0.2"),
        ("https://0.0.0.0", "0.0.0.0"),
        ("http://paper-api.alpaca.markets", "https"),
        ("https://paper-api.alpaca.markets:8443", "port 8443"),
        ("https://someone@127.0.0.1", "user info"),
        ("https://paper-api.alpaca.markets@example.org", "user info"),
        ("https://@127.0.0.1", "user info"),
        (PAPER + "?x=1", "query"),
        (PAPER + "/?", "query"),
        (PAPER + "#x", "fragment"),
        (PAPER + "/v2/orders", "/v2/orders"),
        (PAPER + "/v2/v2", "/v2/v2"),
        ("ftp://127.0.0.1", "ftp"),
        ("file:///etc/hosts", "no http address"),
        ("paper-api.alpaca.markets", "no http address"),
        ("127.0.0.1:4010", "no http address"),
        ("http://", "without a host"),
        ("http://127.0.0.1:99999", "cannot be read"),
        ("http://[::1", "cannot be read"),
        ("http://127.0.0.1 .example.org", "blanks"),
        ("http://127.0.0.1\\.example.org", "odd characters"),
    ],
)
def test_every_other_address_is_refused_with_words(override: str, why: str) -> None:
    with pytest.raises(ConfigError) as error:
        trading_url("paper", override)
    text = str(error.value)
    assert "ALPACA_TRADING_URL" in text
    assert PAPER in text
    assert why in text


def test_user_info_is_never_repeated() -> None:
    with pytest.raises(ConfigError) as error:
        trading_url("paper", "https://name:hidden@127.0.0.1")
    assert "hidden" not in str(error.value)


def test_the_data_host_has_its_own_rule() -> None:
    assert data_url() == DATA
    assert data_url(DATA + "/v1beta1/") == DATA
    assert data_url("http://127.0.0.1:4011/v2") == "http://127.0.0.1:4011"
    for stranger in (PAPER, LIVE, "https://stream.data.alpaca.markets", "https://data.sandbox.alpaca.markets"):
        with pytest.raises(ConfigError, match="ALPACA_DATA_URL"):
            data_url(stranger)


def test_an_environment_is_paper_or_live() -> None:
    with pytest.raises(ConfigError, match="paper or live"):
        trading_url("Paper", "")


@pytest.mark.parametrize(("environment", "key"), [("paper", "PK1"), ("live", "AK1"), ("paper", "x"), ("live", "x")])
def test_a_fitting_key_passes(environment: str, key: str) -> None:
    check_keys(environment, key, "secret")


@pytest.mark.parametrize(
    ("environment", "key", "secret", "why"),
    [
        ("live", "PK1", "s", "set ALPACA_ENV=paper"),
        ("paper", "AK1", "s", "set ALPACA_ENV=live"),
        ("paper", "", "s", "ALPACA_API_KEY is not set"),
        ("paper", "PK1", "", "ALPACA_SECRET_KEY is not set"),
        ("paper", "PK 1", "s", "ALPACA_API_KEY holds blanks"),
        ("paper", "PK1", "s\r\nX-Other: 1", "ALPACA_SECRET_KEY holds blanks"),
    ],
)
def test_keys_that_cannot_be_right_are_refused_and_not_shown(environment: str, key: str, secret: str, why: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_keys(environment, key, secret)
    assert why in str(error.value)
    assert "X-Other" not in str(error.value)


def test_every_fault_of_a_key_pair_is_named() -> None:
    with pytest.raises(ConfigError) as error:
        check_keys("paper", "", "")
    assert len(error.value.faults) == 2
