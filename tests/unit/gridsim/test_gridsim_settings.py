"""The command line of the simulator."""

import pytest

from gridsim.settings import BadSettings, read_settings


def test_the_defaults_listen_on_loopback() -> None:
    settings = read_settings([], {})
    assert (settings.listen, settings.username, settings.user_kind) == ("127.0.0.1:8443", "admin", "superuser")


def test_a_flag_beats_its_environment_variable() -> None:
    environment = {
        "CNI_INFOBLOX_GRIDSIM_LISTEN": "127.0.0.1:1",
        "CNI_INFOBLOX_GRIDSIM_USER_KIND": "cloud",
        "CNI_INFOBLOX_GRIDSIM_LATENCY_MS": "2.5",
        "CNI_INFOBLOX_GRIDSIM_CNA": "true",
    }
    settings = read_settings(["--listen", "127.0.0.1:2"], environment)
    assert (settings.listen, settings.user_kind, settings.latency_ms) == ("127.0.0.1:2", "cloud", 2.5)
    assert settings.cna


@pytest.mark.parametrize(
    ("argv", "environment", "named"),
    [
        (["--listen", "nowhere"], {}, "--listen"),
        (["--listen", "127.0.0.1:70000"], {}, "--listen"),
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
