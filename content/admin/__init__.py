from content.admin import bulk, contents, notifications, portraits, rotation, videos

__all__ = ["bulk", "contents", "notifications", "portraits", "rotation", "videos"]
