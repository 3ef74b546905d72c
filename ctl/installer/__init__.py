"""Keeps plugin and network configuration installed on a node: `cni-infoblox install --watch`."""
