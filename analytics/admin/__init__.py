from analytics.admin.sessions import ARViewSessionAdmin

__all__ = ["ARViewSessionAdmin"]
