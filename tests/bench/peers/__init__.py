"""The same totals kept by others. What a peer runs is imported where only the bench's packages are; the rest is ours."""
