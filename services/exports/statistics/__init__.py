"""Statistics that may be public: counts and amounts by municipality and month that reveal no few people."""
