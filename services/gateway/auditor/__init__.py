"""What auditors may do: search and export the audit log."""
