/** Views and sessions by day: of the front page and of the dashboard. A table holds the same figures. */

import {
  CategoryScale,
  Chart,
  Filler,
  LineController,
  LineElement,
  LinearScale,
  PointElement,
  Tooltip,
} from "chart.js";

Chart.register(
  CategoryScale,
  Filler,
  LineController,
  LineElement,
  LinearScale,
  PointElement,
  Tooltip,
);

const language = document.documentElement.lang;

/** A colour of the theme, as it is now where the element stands. */
export const colour = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();

/** Noon in UTC is the same day whatever the reader's own time zone does with it. */
function writer(options) {
  const format = new Intl.DateTimeFormat(language, { ...options, timeZone: "UTC" });
  return (day) => format.format(new Date(`${day}T12:00:00Z`));
}

function line(label, data, { tint, dash = [], fill = false }) {
  return {
    label,
    data,
    borderColor: tint,
    pointBackgroundColor: tint,
    backgroundColor: `color-mix(in srgb, ${tint} 12%, transparent)`,
    borderDash: dash,
    borderWidth: data.length > 180 ? 1.5 : 2,
    // A single day has no line to see.
    pointRadius: data.length === 1 ? 4 : 0,
    pointHitRadius: 12,
    pointHoverRadius: 4,
    pointHoverBackgroundColor: tint,
    pointHoverBorderColor: tint,
    cubicInterpolationMode: "monotone",
    fill,
  };
}

/** A line of views and one of sessions; `paint` gives them the theme's colours. */
export function daysChart(canvas, { days, views, sessions }) {
  const isLong = days.length > 366;
  const short = writer({ month: "short", ...(isLong ? { year: "numeric" } : { day: "numeric" }) });
  const long = writer({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
  const chart = new Chart(canvas, {
    type: "line",
    data: { labels: days.map(short), datasets: [] },
    options: {
      maintainAspectRatio: false,
      animation: false,
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 24 } },
        y: { beginAtZero: true, border: { display: false }, ticks: { precision: 0, maxTicksLimit: 6 }, grid: {} },
      },
      plugins: {
        tooltip: {
          usePointStyle: true,
          boxPadding: 4,
          callbacks: { title: ([item]) => long(days[item.dataIndex]) },
        },
      },
      locale: language,
    },
  });
  return {
    chart,
    paint() {
      chart.data.datasets = [
        line(canvas.dataset.views, views, { tint: colour(canvas, "--arv-views"), fill: "origin" }),
        line(canvas.dataset.sessions, sessions, { tint: colour(canvas, "--arv-sessions"), dash: [6, 4] }),
      ];
      for (const axis of Object.values(chart.options.scales)) axis.ticks.color = colour(canvas, "--arv-quiet");
      chart.options.scales.y.grid.color = colour(canvas, "--arv-line");
    },
  };
}

/** Calls `paint` now, and whenever the theme turns light or dark. */
export function followTheme(paint) {
  paint();
  new MutationObserver(paint).observe(document.documentElement, { attributeFilter: ["class"] });
}
