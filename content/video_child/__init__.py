"""FFmpeg's work on uploaded videos: run by `content.video_file` in a child process, never here."""
