from deploy.local.client import Answer, Caller, fetch_token

__all__ = ["Answer", "Caller", "fetch_token"]
