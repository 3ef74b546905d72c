"""What can be wrong with a network configuration.

These texts may answer a DEL: see the rule in the agent's errors.
"""

from __future__ import annotations

from protocol import errors
from protocol.errors import Refused, TryAgain


class IncompatibleVersion(Refused):
    """A cniVersion that this plugin does not speak."""

    code = errors.INCOMPATIBLE_CNI_VERSION
    message = "cniVersion {version} is not supported"
    remedy = "Set cniVersion to one of {supported}"


class NotJson(Refused):
    """Standard input is no network configuration at all."""

    code = errors.DECODE_FAILURE
    message = "the network configuration on standard input is no JSON object"
    remedy = "Pass the network configuration as JSON on standard input"


class ConfigInvalid(Refused):
    """A field of the network configuration is missing or wrong."""

    code = errors.INVALID_NETWORK_CONFIG
    message = "{field}: {reason}"
    remedy = "Correct this field of the network configuration"


class NotServedYet(Refused):
    """What a configuration may say, and this release does not do."""

    code = errors.INVALID_NETWORK_CONFIG
    message = "{field}: {what} is not supported for now"
    remedy = "Leave it out"


class UnknownKey(Refused):
    """A key of the ipam section that means nothing here: most likely a typing error."""

    code = errors.INVALID_NETWORK_CONFIG
    message = "{field}: unknown key"
    remedy = "Remove or correct it; known are {known}"


class AddressRequested(Refused):
    """ADD for a certain address: without a word the pod would have another one."""

    code = errors.INVALID_NETWORK_CONFIG
    message = "{field}: {addresses} is asked for, but this release gives no requested addresses"
    remedy = "Remove it: the grid chooses the address"


class RequestInvalid(Refused):
    """ADD for a certain address that no pod of the network can have."""

    code = errors.INVALID_NETWORK_CONFIG
    message = "{field}: {text} {reason}"
    remedy = "Name at most one address of each family, inside its subnet; or none, and the grid chooses"


class RequestsForbidden(Refused):
    """ADD for a certain address in a network that gives none."""

    code = errors.INVALID_NETWORK_CONFIG
    message = "{field}: pods of this network get no addresses that they name"
    remedy = 'Remove it, and the grid chooses the address; or set ipam.requests to "allow"'


class NetworkClosed(TryAgain):
    """ADD while `cni-infoblox uninstall` waits for the last attachments of the node."""

    message = "ipam.closed: this node takes no new pods, cni-infoblox is being uninstalled"
    remedy = "Cordon the node, drain it; or install again, which opens it"
