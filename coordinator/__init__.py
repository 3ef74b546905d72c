"""The IPAM authority of one cluster, which is the only part that talks to the grid."""
