/** Draws the front page's line chart; the table below it holds the same figures. */

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

const canvas = document.querySelector("[data-visits-chart]");
const { days, views, sessions } = JSON.parse(document.getElementById("arv-visits").textContent);

/** Noon in UTC is the same day whatever the reader's own time zone does with it. */
function shortDay(day) {
  return new Intl.DateTimeFormat(document.documentElement.lang, {
    day: "numeric",
    month: "short",
    timeZone: "UTC",
  }).format(new Date(`${day}T12:00:00Z`));
}

function line(label, data, { colour, dash = [], fill = false }) {
  return {
    label,
    data,
    borderColor: colour,
    pointBackgroundColor: colour,
    backgroundColor: `color-mix(in srgb, ${colour} 12%, transparent)`,
    borderDash: dash,
    borderWidth: 2,
    pointRadius: 0,
    pointHitRadius: 12,
    pointHoverRadius: 4,
    pointHoverBackgroundColor: colour,
    pointHoverBorderColor: colour,
    cubicInterpolationMode: "monotone",
    fill,
  };
}

/** Everything that follows the theme's light or dark colours. */
function paint(chart) {
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name).trim();
  chart.data.datasets = [
    line(canvas.dataset.views, views, { colour: colour("--arv-views"), fill: "origin" }),
    line(canvas.dataset.sessions, sessions, { colour: colour("--arv-sessions"), dash: [6, 4] }),
  ];
  for (const axis of [chart.options.scales.x, chart.options.scales.y]) {
    axis.ticks.color = colour("--arv-quiet");
  }
  chart.options.scales.y.grid.color = colour("--arv-line");
  chart.update("none");
}

const chart = new Chart(canvas, {
  type: "line",
  data: { labels: days.map(shortDay), datasets: [] },
  options: {
    maintainAspectRatio: false,
    animation: false,
    interaction: { mode: "index", intersect: false },
    scales: {
      x: { grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 16 } },
      y: { beginAtZero: true, border: { display: false }, ticks: { precision: 0 }, grid: {} },
    },
    plugins: { tooltip: { usePointStyle: true, boxPadding: 4 } },
  },
});
paint(chart);
new MutationObserver(() => paint(chart)).observe(document.documentElement, {
  attributeFilter: ["class"],
});
