"""Modes of access, and which one a server has that was told none."""

import ipaddress
from enum import StrEnum

from services.settings import Settings


class AccessMode(StrEnum):
    """`OPEN`: everybody may use the server. `TOKEN`: whoever has its token. `ACCOUNTS`: its users."""

    OPEN = "open"
    TOKEN = "token"
    ACCOUNTS = "accounts"


def mode_of(settings: Settings) -> AccessMode:
    if settings.access is not None:
        return AccessMode(settings.access)
    return AccessMode.TOKEN if is_reachable_by_others(settings) else AccessMode.OPEN


def check(mode: AccessMode, settings: Settings) -> None:
    """Raises ValueError for settings that mean nothing together, and would leave a server other than it seems."""
    outside = {"JWT_ISSUER": settings.jwt_issuer, "PROXY_USER_HEADER": settings.proxy_user_header}
    for name, value in outside.items():
        if value and mode is not AccessMode.ACCOUNTS:
            raise ValueError(f"REPARTEE_{name} needs REPARTEE_ACCESS=accounts.")
    if bool(settings.jwt_issuer) != bool(settings.jwt_audience):
        raise ValueError("REPARTEE_JWT_ISSUER and REPARTEE_JWT_AUDIENCE need each other.")
    if settings.proxy_user_header and not settings.trusted_proxies:
        raise ValueError("REPARTEE_PROXY_USER_HEADER needs REPARTEE_TRUSTED_PROXIES, or anybody could send it.")


def is_reachable_by_others(settings: Settings) -> bool:
    """Returns whether the server listens beyond loopback, or is known by a name of another machine."""
    return not all(map(_is_local, (settings.host, *settings.trusted_hosts)))


def _is_local(name: str) -> bool:
    name = name.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
