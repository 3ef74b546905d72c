"""Everything that can go wrong between a request and the grid, in words for its reader."""

from __future__ import annotations

from typing import ClassVar

from protocol import errors
from protocol.errors import INVALID_NETWORK_CONFIG, TryAgain

PROTOCOL_MISMATCH = 100
INTERNAL_FAILURE = 100
NOT_YOURS = 101
TOKEN_REFUSED = 102
NODE_DIFFERS = 103
TICKET_REFUSED = 104
KEY_TAKEN = 105
ID_USED = 106
GRID_LOGIN = 110
GRID_FORBIDS = 111
GRID_CERTIFICATE = 112
EA_UNDEFINED = 113
EA_NOT_WRITABLE = 114
GRID_APPROVAL = 115
GRID_LICENCE = 116
GRID_ADDRESS = 117
GRID_PERMISSION = 118
GRID_REFUSED = 119
EA_MISTYPED = 120


class GridUnavailable(TryAgain):
    message = "the grid {grid} does not serve"
    remedy = "The coordinator keeps trying. If it lasts, see that the grid master is up at {grid}."


class GridAnswersHtml(TryAgain):
    message = "{grid} answers with a web page, not with WAPI"
    remedy = "It may be restarting, or be no longer the grid master: set --grid-host to the active master."


class NoWapiThere(TryAgain):
    message = "there is no WAPI at {grid}"
    remedy = (
        "Something else answers there: see --grid-host, --wapi-port, --wapi-version. A grid that starts may, too."
    )


class OutcomeUnknown(TryAgain):
    message = "the grid's answers do not tell what became of the attempts to {action}"
    remedy = "The runtime asks again. If it lasts, see the coordinator's log for why the replies are unreadable."


class TimeIsUp(TryAgain):
    message = "no address from the grid within the time that the request had"
    remedy = "The runtime asks again. If it lasts, see 'cni-infoblox status' for the grid's state and queue."


class NetworkExhausted(TryAgain):
    message = "no address left in network {subnet} of view {view}"
    remedy = (
        "{used} addresses of it are this cluster's, {delayed} of them released and soon free; {absent} are kept "
        "ready by nodes that are away. "
        "Enlarge the network, free addresses in it, or remove DHCP ranges from it."
    )


class GatewayOnItsWay(TryAgain):
    message = "ipam.gateway {gateway} is an address of this cluster that no pod has and that is being freed"
    remedy = "Nothing to do: the runtime asks again. If it lasts, 'cni-infoblox explain {gateway}' tells why."


class NodeBusy(TryAgain):
    message = "{limit} requests of this node wait for an address"
    remedy = "Nothing to do: the runtime asks again. If it lasts, see 'cni-infoblox status' for the grid's queue."


class NodeFull(TryAgain):
    message = "node {node} has {limit} addresses, as many as it may have"
    remedy = "Remove pods from the node, or raise --node-allocations-max."


class NodeObjectsFull(TryAgain):
    message = "the grid has {limit} addresses of node {node}, of all its boots, as many as it may have"
    remedy = (
        "That is twice --node-allocations-max. What was released, or is of an earlier boot, is free in about a "
        "minute. If it lasts, see the alarms of 'cni-infoblox status', or raise the limit."
    )


class NotLeading(TryAgain):
    message = "this coordinator does not lead; the one that does: {leader}"
    remedy = "Ask that one: its name begins with the name of its pod or host."


class EnrolmentUnavailable(TryAgain):
    message = "the Kubernetes API server does not say whose token this is"
    remedy = (
        "The agent asks again by itself. If it lasts, see that the coordinator reaches --kubernetes-api, and may "
        "create tokenreviews and get pods there."
    )


class EnrolmentBusy(TryAgain):
    message = "{limit} nodes are enrolling at this moment"
    remedy = "Nothing to do: the agent asks again by itself."


class Refused(errors.Refused):
    """A refusal; `concerns_all` ones hit every allocation alike, until a person or the grid changes something."""

    concerns_all: ClassVar[bool] = False


class ProtocolMismatch(Refused):
    code = PROTOCOL_MISMATCH
    message = "the coordinator cannot read this message"
    remedy = "Run agent and coordinator of the same release."


class InternalFailure(Refused):
    code = INTERNAL_FAILURE
    message = "the coordinator has failed at this request"
    remedy = (
        "This is a defect of cni-infoblox: report it with the line internal_error of the coordinator's log. "
        "The coordinator goes on, and the runtime may ask again."
    )


class NotYours(Refused):
    code = NOT_YOURS
    message = "attachment {attachment} belongs to another node"
    remedy = "A node can ask for its own attachments only."


class IdUsed(Refused):
    code = ID_USED
    message = "allocation id {allocation} was used before"
    remedy = "An agent draws a new id for each address that it asks for: run one of this release."


class TokenRefused(Refused):
    code = TOKEN_REFUSED
    message = "the token of --enrol-token is not accepted"
    remedy = (
        "Project a token of ServiceAccount {service_account} with audience {audience}, or correct the "
        "coordinator's --token-service-account and --token-audience."
    )


class NodeDiffers(Refused):
    code = NODE_DIFFERS
    message = "the agent says that it is node {claimed!r}; its {proof} says {node!r}"
    remedy = "Set --node-name to the node's name in Kubernetes (fieldRef spec.nodeName)."


class TicketRefused(Refused):
    code = TICKET_REFUSED
    message = "the ticket is not accepted: {reason}"
    remedy = "Nothing to do: the agent enrols again by itself."


class KeyTaken(Refused):
    code = KEY_TAKEN
    message = "this agent's key belongs to node {node!r}"
    remedy = "Remove agent.key_secret from --keys on the node that has a copy: it then makes a key of its own."


class NodeTaken(Refused):
    code = KEY_TAKEN
    message = "node {node!r} has another key in the authorized directory"
    remedy = "Remove that file, or give the agent that key instead of --enrol-token."


class NetworkNotAllowed(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "ipam.subnet {subnet} is not among the networks that this coordinator allows"
    remedy = "Use one of {allowed}, or add it with --allow-network."


class ViewNotAllowed(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "ipam.network-view {view!r} is not among the views that this coordinator allows"
    remedy = "Use one of {allowed}, or add it with --allow-view."


class GatewayInvalid(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "ipam.gateway {gateway} is no host address of subnet {subnet}"
    remedy = "Use an address inside the subnet, or 0.0.0.x for its host x."


class SubnetInvalid(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "ipam.subnet {subnet} is no network of IPv4 or IPv6"
    remedy = "Write it as in 10.55.0.0/16 or 2001:db8:0:7::/64, without host bits."


class SubnetWithoutHosts(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "ipam.subnet {subnet} reaches into {block}, of which no pod can have an address"
    remedy = "Use a subnet of private or public unicast addresses."


class SubnetTooSmall(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "ipam.subnet {subnet} has no room for a gateway and pods"
    remedy = "Use a subnet of /{longest} or larger, or a main plugin that needs no gateway."


class GatewayHeld(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "ipam.gateway {gateway} is an address of this cluster: {holder}"
    remedy = (
        "Use another gateway, or have that one freed and try again: 'cni-infoblox explain {gateway}' tells how."
    )


class ViewMissing(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "network view {view!r} does not exist in the grid"
    remedy = "Correct ipam.network-view, create the view, or run the coordinator with --create-networks true."


class NetworkMissing(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "network {subnet} does not exist in view {view!r}"
    remedy = "Correct ipam.subnet, create the network, or run the coordinator with --create-networks true."


class NetworkIsContainer(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "ipam.subnet {subnet} is a network container in view {view!r}"
    remedy = "Name a network in it: only networks have addresses for pods."


class NetworkNotOurs(Refused):
    code = INVALID_NETWORK_CONFIG
    message = "network {subnet} of view {view!r} belongs to somebody else"
    remedy = (
        "To let pods use it, set its extensible attribute {name_attribute} to {name!r}, "
        "or {tenant_attribute} to {tenant!r} with {cmp_attribute} {cmp_type!r}. It has: {present}."
    )


class GridLoginRefused(Refused):
    concerns_all = True
    code = GRID_LOGIN
    message = "the grid refuses the login of user {user!r}"
    remedy = (
        "Correct --wapi-username, WAPI_PASSWORD or the password file. "
        "It is tried again when that file changes, else rarely, so that the account is not locked."
    )


class PasswordMissing(Refused):
    concerns_all = True
    code = GRID_LOGIN
    message = "there is no password for user {user!r} of the grid"
    remedy = "Correct WAPI_PASSWORD or the password file, which is read anew for each login."


class GridForbids(Refused):
    concerns_all = True
    code = GRID_FORBIDS
    message = "the grid forbids user {user!r} to use WAPI"
    remedy = "Give the user's group API access; after many wrong logins wait some minutes."


class GridAddressUnusable(Refused):
    concerns_all = True
    code = GRID_ADDRESS
    message = "--grid-host {host} is no address that can be connected to"
    remedy = "Give the grid master's host name or address alone."


class CertificateNotTrusted(Refused):
    concerns_all = True
    code = GRID_CERTIFICATE
    message = "the certificate of {grid} is of no authority that is trusted here"
    remedy = "Give the file of its authority, or of itself where it is self-signed, with --ssl-verify FILE."


class CertificateOfAnother(Refused):
    concerns_all = True
    code = GRID_CERTIFICATE
    message = "the certificate of {grid} is for another name"
    remedy = "Set --grid-host to a name that stands in the certificate, or give the grid one with this name."


class CertificateOutOfDate(Refused):
    concerns_all = True
    code = GRID_CERTIFICATE
    message = "the certificate of {grid} is not valid at this time"
    remedy = "Renew it in the grid if it has expired; else correct the clock of the coordinator's machine."


class AuthoritiesUnusable(Refused):
    concerns_all = True
    code = GRID_CERTIFICATE
    message = "the file of --ssl-verify cannot be used"
    remedy = (
        "Give a file of certificates in PEM that the coordinator may read. It is read anew for each connection."
    )


class EaUndefined(Refused):
    concerns_all = True
    code = EA_UNDEFINED
    message = "extensible attribute {name!r} is not defined in the grid"
    remedy = "A superuser of the grid defines it: 'cni-infoblox grid prepare' prints how, or does it (--apply)."


class EaMistyped(Refused):
    concerns_all = True
    code = EA_MISTYPED
    message = "the grid has extensible attributes of our names that do not take our values: {names}"
    remedy = (
        "Somebody uses these names for something else. Give ours other names ({flags}), for the coordinator and "
        "for 'cni-infoblox grid prepare', which defines them."
    )


class EaNotWritable(Refused):
    concerns_all = True
    code = EA_NOT_WRITABLE
    message = "user {user!r} may not write extensible attribute {name!r}"
    remedy = (
        "Where the definition allows cloud members to have access, use a cloud API user; "
        "else remove that setting from the definition."
    )


class SingleCallsRefused(Refused):
    code = GRID_FORBIDS
    message = "user {user!r} may not use the WAPI object `request`, without which only one coordinator may write"
    remedy = (
        "Use a user that may, or run one coordinator without --several; under Kubernetes, which may run two "
        "for a while, start it with --leader-elect true."
    )


class ObjectEdited(Refused):
    code = GRID_REFUSED
    message = "the object at {address} in view {view!r} has lost its {attribute}"
    remedy = "Write {allocation} to it: this user may not use `request`, so that the coordinator must not."


class ApprovalNeeded(Refused):
    concerns_all = True
    code = GRID_APPROVAL
    message = "changes by user {user!r} need approval in the grid"
    remedy = "Exempt the user's admin group from the approval workflow."


class LicenceMissing(Refused):
    concerns_all = True
    code = GRID_LICENCE
    message = "the grid lacks a licence for this operation"
    remedy = "See the cause, and the grid's licence page."


class NoPermission(Refused):
    code = GRID_PERMISSION
    message = "user {user!r} has no permission in the grid to {action}"
    remedy = (
        "Give the user's group read/write on this network, or on All IPv4 Networks, and read-only on its view; "
        "read/write on All Network Views as well where the coordinator creates views."
    )


class NetworkNotWritable(Refused):
    code = GRID_PERMISSION
    message = "the grid shows network {subnet} to user {user!r}, but finds no parent for addresses in it"
    remedy = "Give the user's group read/write on this network, or on All IPv4 Networks."


class NotVisible(Refused):
    code = GRID_PERMISSION
    message = "the grid has {what} already, but does not show it to user {user!r}"
    remedy = "Give the user's group read/write on it, or name another one."


class ObjectsAmbiguous(Refused):
    code = GRID_REFUSED
    message = "the grid has several objects of one attachment, and refuses to {action}"
    remedy = "cni-infoblox verify and explain show them; delete in the grid the one that is too many."


class GridRefused(Refused):
    code = GRID_REFUSED
    message = "the grid refuses to {action}"
    remedy = "See the cause, in the grid's own words, and the permissions of user {user!r}."
