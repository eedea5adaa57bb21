"""Every path of the mission, through HTTP, on the real broker, the real database and the five services."""
