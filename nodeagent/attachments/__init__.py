"""The node's authority over its attachments: each verb, the reserve, and whose an allocation is."""
