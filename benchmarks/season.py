"""Visits of 120 days in PostgreSQL, for the benchmark of the reports: written in SQL alone."""

from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 3, 20, 15, 40, 12, tzinfo=UTC)
DAYS = 120
COMPANIES, PROJECTS, CONTENTS = 100, 500, 2_000
AT_ONCE = 500_000
ZONES = (
    "Europe/Moscow",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Sydney",
    "UTC",
)


def fill(visits: int) -> None:
    from django.db import connection, transaction

    from analytics.partitions import Month, add_partition, months
    from companies.models import Company, Project
    from companies.tests.factories import StorageConnectionFactory
    from content.models import ARContent

    disk = StorageConnectionFactory.create()
    companies = Company.objects.bulk_create(
        Company(
            name=f"Company {number}",
            slug=f"company-{number}",
            storage_connection=disk,
            time_zone=ZONES[number % len(ZONES)],
        )
        for number in range(COMPANIES)
    )
    projects = Project.objects.bulk_create(
        Project(company=companies[number % COMPANIES], name=f"Project {number}", slug=f"p-{number}")
        for number in range(PROJECTS)
    )
    ARContent.objects.bulk_create(
        ARContent(
            title=f"Content {number}",
            image="1/company/portraits/picture.jpg",
            project=projects[number % PROJECTS],
            company=projects[number % PROJECTS].company,
        )
        for number in range(CONTENTS)
    )
    begins = NOW - timedelta(days=DAYS)
    with connection.cursor() as cursor:
        month, there = Month.of(begins), set(months())
        while month.begins <= NOW:
            if month not in there:
                with transaction.atomic():
                    add_partition(cursor, month)
            month = month.after(1)
        cursor.execute(
            "CREATE TABLE pick AS SELECT row_number() OVER (ORDER BY id) - 1 AS place,"
            " id, project_id, company_id FROM content_arcontent"
        )
        cursor.execute("ALTER TABLE pick ADD PRIMARY KEY (place)")
        for first in range(0, visits, AT_ONCE):
            last = min(first + AT_ONCE, visits) - 1
            cursor.execute(VISITS, [begins, DAYS * 86_400 / visits, first, last, CONTENTS])
        cursor.execute("VACUUM ANALYZE")


# Who looks at a studio's pictures comes from eight of 30 countries and from 40 of 300 cities.
# One visit in 1,000 has the session of the one before, one in 20,000 that of one long ago: the
# page of the product makes an id for each visit, and only programs share one.
VISITS = """
INSERT INTO analytics_arviewsession (
    session_id, ar_content_id, project_id, company_id, user_agent, device_type, browser, os,
    ip_address, country, city, duration_seconds, tracking_quality, started, camera, camera_reason,
    found_ms, video_played, is_bot, is_shared, created_at
)
SELECT
    md5((CASE WHEN n %% 1000 = 0 THEN n - 1 WHEN n %% 20000 = 7 THEN n / 2 ELSE n END)::text)::uuid,
    pick.id, pick.project_id, pick.company_id,
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile Safari',
    (ARRAY['mobile', 'mobile', 'mobile', 'tablet', 'desktop'])[1 + floor(a * 5)::int],
    (ARRAY['Mobile Safari ', 'Chrome Mobile ', 'Samsung Internet ', 'Firefox Mobile ', 'Edge ',
        'Opera Mobile '])[1 + floor(6 * b * b)::int] || 100 + floor(a * 30)::int,
    (ARRAY['iOS', 'Android', 'Windows', 'Mac OS X'])[1 + floor(4 * b * b)::int],
    '192.0.2.0', 'C' || (company_id + floor(8 * c * c * c)::int) %% 30,
    'City ' || (company_id + floor(40 * c * c * c)::int) %% 300,
    CASE WHEN a < 0.8 THEN floor(b * 300)::int END,
    (ARRAY['good', 'fair', 'poor', ''])[1 + floor(a * 4)::int],
    b < 0.8,
    CASE WHEN b < 0.6 THEN 'allowed' WHEN b < 0.8 THEN 'denied' ELSE '' END,
    CASE WHEN b BETWEEN 0.6 AND 0.8 THEN 'refused' ELSE '' END,
    CASE WHEN b < 0.5 THEN floor(a * 9000)::int END,
    b < 0.4, n %% 97 = 0, false, %s + n * %s * interval '1 second'
FROM (
    SELECT n, random() AS a, random() AS b, random() AS c, random() AS d
    FROM generate_series(%s, %s) AS n OFFSET 0
) AS drawn
JOIN pick ON pick.place = floor(%s * d * d * d)::int
ON CONFLICT DO NOTHING
"""
