"""How Frikort is put on a machine: the local launcher, the image, what an operator runs in earnest."""
