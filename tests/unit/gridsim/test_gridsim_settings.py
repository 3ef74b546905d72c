"""The command line of the simulator."""

import pytest

from gridsim.http.place import Place
from gridsim.settings import BadSettings, read_settings


def test_the_defaults_listen_on_loopback() -> None:
    settings = read_settings([], {})
    assert (settings.listen, settings.username, settings.user_kind) == (
        Place("127.0.0.1", 8443),
        "admin",
        "superuser",
    )


def test_a_flag_beats_its_environment_variable() -> None:
    environment = {
        "CNI_INFOBLOX_GRIDSIM_LISTEN": "127.0.0.1:1",
        "CNI_INFOBLOX_GRIDSIM_USER_KIND": "cloud",
        "CNI_INFOBLOX_GRIDSIM_LATENCY_MS": "2.5",
        "CNI_INFOBLOX_GRIDSIM_CNA": "true",
    }
    settings = read_settings(["--listen", "127.0.0.1:2"], environment)
    assert (settings.listen, settings.user_kind, settings.latency_ms) == (Place("127.0.0.1", 2), "cloud", 2.5)
    assert settings.cna


@pytest.mark.parametrize(
    ("argv", "environment", "named"),
    [
        (["--listen", "nowhere"], {}, "--listen"),
        (["--listen", "127.0.0.1:70000"], {}, "--listen"),
        (["--listen", "::1:8443"], {}, "--listen"),
        (["--listen", "[::1]"], {}, "--listen"),
        (["--listen", "[::1:8443"], {}, "--listen"),
        (["--listen", "[127.0.0.1]:8443"], {}, "--listen"),
        (["--listen", "[fd00:::1]:8443"], {}, "--listen"),
        (["--listen", ":8443"], {}, "--listen"),
        (["--latency-ms", "soon"], {}, "--latency-ms"),
        (["--op-latency-ms", "-1"], {}, "--op-latency-ms"),
        (["--user-kind", "root"], {}, "--user-kind"),
        (["--definitions", "some"], {}, "--definitions"),
        (["--versions", "new"], {}, "--versions"),
        (["--unknown"], {}, "--unknown"),
        ([], {"CNI_INFOBLOX_GRIDSIM_USER_KIND": "root"}, "--user-kind"),
        ([], {"CNI_INFOBLOX_GRIDSIM_CNA": "perhaps"}, "--cna"),
        ([], {"CNI_INFOBLOX_GRIDSIM_LATENCY_MS": "soon"}, "--latency-ms"),
    ],
)
def test_bad_configuration_is_refused_by_the_name_of_the_flag(
    argv: list[str], environment: dict[str, str], named: str
) -> None:
    with pytest.raises(BadSettings, match=named):
        read_settings(argv, environment)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:0", "https://127.0.0.1:9"),
        ("grid:8443", "https://grid:9"),
        ("[FD00:0::1]:8443", "https://[fd00::1]:9"),
        ("[::]:8443", "https://[::]:9"),
    ],
)
def test_an_address_of_either_family_can_be_listened_at(text: str, url: str) -> None:
    assert read_settings(["--listen", text], {}).listen.url(9) == url


def test_names_of_the_certificate_may_be_addresses_in_brackets() -> None:
    given = ["--certificate-names", "grid, [fd00::1],fd00::2"]
    assert read_settings(given, {}).certificate_names == ("grid", "fd00::1", "fd00::2")
