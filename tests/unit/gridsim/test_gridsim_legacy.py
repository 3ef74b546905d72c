"""Objects of the plugin's first generation, as fixtures."""

from gridsim_builders import a_mac

from gridsim.legacy import LegacyCluster, LegacyPod, create_legacy
from gridsim.model import Grid


def test_the_first_generations_objects_look_as_it_left_them() -> None:
    grid = Grid()
    pods = (LegacyPod("web-0", "a" * 64, a_mac(1)), LegacyPod("web-1", "b" * 64), LegacyPod("lost"))
    create_legacy(grid, LegacyCluster(pods=pods))
    network = grid.objects("network")[0]
    assert network["extattrs"]["Network Name"] == {"value": "ipam-test"}
    shown = [
        (held["ipv4addr"], held["match_client"], held["name"], held["extattrs"]["VM ID"]["value"])
        for held in grid.objects("fixedaddress")
    ]
    assert shown == [
        ("172.18.0.1", "RESERVED", "", "N/A"),
        ("172.18.0.2", "MAC_ADDRESS", "web-0", "a" * 64),
        ("172.18.0.3", "RESERVED", "web-1", "b" * 64),
        ("172.18.0.4", "RESERVED", "lost", "N/A"),
    ]
    for held in grid.objects("fixedaddress"):
        assert held["extattrs"].keys() == {"Cloud API Owned", "CMP Type", "Tenant ID", "VM ID"}
