"""What every service stands on: the durable loop, its two ports (log and store), settings, logging, health."""
