"""How the documents of exports follow from the topics, and what of them cannot be made again."""
