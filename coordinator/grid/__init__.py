"""What the grid's objects look like: attributes, comments, and the operations on an allocation's object."""
