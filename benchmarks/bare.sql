INSERT INTO analytics_arviewsession (
    ar_content_id, project_id, company_id, session_id, user_agent, device_type, browser, os,
    ip_address, country, city, tracking_quality, video_played,
    created_at, started, camera, camera_reason, is_bot, is_shared
)
SELECT
    id, project_id, company_id, %(session_id)s, %(user_agent)s, %(device_type)s, %(browser)s, %(os)s,
    %(ip_address)s, %(country)s, %(city)s, %(tracking_quality)s, %(video_played)s,
    now(), false, '', '', false, false
FROM content_arcontent WHERE unique_id = %(unique_id)s AND is_active
ON CONFLICT DO NOTHING
