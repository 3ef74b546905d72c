"""The node's CNI authority: answers the plugin, keeps this node's journal of attachments."""
