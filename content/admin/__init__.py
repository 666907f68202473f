from content.admin import contents, portraits, videos

__all__ = ["contents", "portraits", "videos"]
