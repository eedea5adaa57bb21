"""What a monitoring system loads: the rules of Prometheus with their tests, and the dashboard of Grafana."""
