"""Every failure that the agent itself reports to the runtime.

A DEL error that contains the words of a missing thing counts as success for some runtimes, so no text here
that can answer a DEL uses them (a test walks this tree).
"""

from __future__ import annotations

from protocol import errors
from protocol.errors import Refused, TryAgain


class CoordinatorNotConnected(TryAgain):
    """An ADD waited for a connection that did not come."""

    message = "no connection to the coordinator"
    remedy = "See that the coordinator runs, and that the agent's --coordinator, --coordinator-key, --keys fit"


class CoordinatorSilent(TryAgain):
    """The coordinator has the request, but time is up."""

    message = "the coordinator did not answer in time"
    remedy = "See the coordinator's /status for its queue and for the state of the grid"


class AgentSlow(TryAgain):
    """Time was up before the agent could ask."""

    message = "the node agent did not get to ask the coordinator in time"
    remedy = "See the node's disk and load"


class JournalUnwritable(TryAgain):
    """Nothing may be said that is not durable first."""

    message = "the journal {path} cannot be written"
    remedy = "Free space and inodes in the file system of --run-dir; the agent goes on by itself"


class TurnAbandoned(TryAgain):
    """Something that came in the same moment has made the agent fail, and all of the moment was undone."""

    message = "the agent has failed at something else that came at the same time"
    remedy = "The runtime asks again; report the line internal_error of the agent's log"


class AllocationsAtLimit(TryAgain):
    """A node may claim a bounded number of allocations."""

    message = "this node has {limit} addresses, the most that the coordinator's --node-allocations-max allows"
    remedy = "Delete pods on this node, or raise the limit"


class LettingGoBehind(TryAgain):
    """What was let go and is not confirmed is kept, in bounded number; nothing new is asked for beyond it."""

    message = "{limit} addresses of this node wait for their release in the grid, nothing new is asked for"
    remedy = "See the coordinator's /status for the state of the grid"


class WithdrawnByDelete(TryAgain):
    """A DEL of the same attachment overtook this ADD."""

    message = "withdrawn by DEL of the same attachment"
    remedy = "Repeat ADD if the attachment is still wanted"


class AnswerOvertaken(TryAgain):
    """The address of an ADD was let go before its answer could leave."""

    message = "overtaken by a later request for the same attachment"
    remedy = "Repeat ADD if the attachment is still wanted"


class TooManyRequests(TryAgain):
    """The agent serves a bounded number of requests at a time."""

    message = "the node agent serves {limit} requests at once, more are turned away"
    remedy = "Repeat the request; if this persists, see what starts so many containers on this node"


class NamespaceUnreadable(TryAgain):
    """The agent may not enter the network namespace."""

    message = "CNI_NETNS cannot be entered by the node agent"
    remedy = "The agent needs the capability SYS_ADMIN"


class UnknownFrame(TryAgain):
    """Plugin and agent are of releases that do not understand each other."""

    message = "the plugin speaks another version than the node agent"
    remedy = "Install plugin and agent of one release on this node"


class CoordinatorNeverReached(TryAgain):
    """STATUS: this node could not give an address to any pod yet."""

    code = errors.PLUGIN_NOT_AVAILABLE
    message = "the coordinator was not reached since the node booted"
    remedy = "See that the coordinator runs, and that the agent's --coordinator, --coordinator-key, --keys fit"


class NamespaceUnopened(Refused):
    """ADD named a namespace that the plugin could not open."""

    code = errors.UNKNOWN_CONTAINER
    message = "CNI_NETNS {path} could not be opened"
    remedy = "The container must exist while ADD runs; the runtime makes a new one"


class NotANamespace(Refused):
    """ADD named something else than a network namespace."""

    code = errors.UNKNOWN_CONTAINER
    message = "CNI_NETNS is no network namespace"
    remedy = "Pass the path of a network namespace, such as /run/netns/NAME"


class VariableMissing(Refused):
    """The runtime left out a variable that the verb requires."""

    code = errors.INVALID_ENVIRONMENT
    message = "{variable} is missing"
    remedy = "The runtime must set it for {verb}"


class VariableInvalid(Refused):
    """The runtime set a variable to something that it cannot be."""

    code = errors.INVALID_ENVIRONMENT
    message = "{variable} is invalid: {reason}"
    remedy = "The runtime must set it as the CNI specification says"


class BadRequestBytes(Refused):
    """The plugin's request is no frame."""

    code = errors.DECODE_FAILURE
    message = "the request cannot be read"
    remedy = "The network configuration may have 1 MiB; plugin and agent must be of one release"


class AttachmentDiffers(Refused):
    """ADD repeated with another network than the one that the attachment has."""

    code = errors.INVALID_NETWORK_CONFIG
    message = "ADD repeated with another network: asked for {asked}; the attachment has {has}"
    remedy = "DEL the attachment before it is added with another configuration"


class AgentFailed(Refused):
    """Something that nobody expects; of a DEL it makes a pending file instead."""

    code = 100
    message = "the agent has failed at this request"
    remedy = (
        "This is a defect of cni-infoblox: report it with the line internal_error of the agent's log. "
        "The agent goes on, and the runtime may ask again"
    )


class AttachmentUnknown(Refused):
    """CHECK of something that this node does not hold."""

    code = 120
    message = "the attachment is not known here"
    remedy = "Recreate the container: its addresses are not held by this node's journal"


class AddressLost(Refused):
    """CHECK of an attachment whose address the grid has given to somebody else."""

    code = 122
    message = "the grid has given {address} to somebody else: {holder}"
    remedy = "Recreate the container: it gets another address"


class CheckDiffers(Refused):
    """CHECK with a result other than the journal's."""

    code = 121
    message = "prevResult lacks {address}, which the journal holds for the attachment"
    remedy = "Recreate the container: its interface does not have the address that it was given"
