from content.admin import bulk, contents, notifications, portraits, videos

__all__ = ["bulk", "contents", "notifications", "portraits", "videos"]
