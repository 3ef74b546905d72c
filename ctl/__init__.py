"""The command for people: `cni-infoblox`."""
