/** The dashboard: its charts, countries by name, and a filter that answers at once. */

import {
  ArcElement,
  CategoryScale,
  Chart,
  DoughnutController,
  Filler,
  LineController,
  LineElement,
  LinearScale,
  PointElement,
  Tooltip,
} from "chart.js";

Chart.register(
  ArcElement,
  CategoryScale,
  DoughnutController,
  Filler,
  LineController,
  LineElement,
  LinearScale,
  PointElement,
  Tooltip,
);

const root = document.querySelector(".arv-dash");
const language = document.documentElement.lang;
const charts = [];

const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

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

function drawDays(canvas, { days, views, sessions }) {
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
  charts.push({
    chart,
    paint() {
      chart.data.datasets = [
        line(canvas.dataset.views, views, { tint: colour("--arv-views"), fill: "origin" }),
        line(canvas.dataset.sessions, sessions, { tint: colour("--arv-sessions"), dash: [6, 4] }),
      ];
      for (const axis of Object.values(chart.options.scales)) axis.ticks.color = colour("--arv-quiet");
      chart.options.scales.y.grid.color = colour("--arv-line");
    },
  });
}

function drawRing(canvas, { labels, views }) {
  const chart = new Chart(canvas, {
    type: "doughnut",
    data: { labels, datasets: [{ data: views }] },
    options: {
      maintainAspectRatio: false,
      animation: false,
      cutout: "68%",
      plugins: { tooltip: { boxPadding: 4 } },
      locale: language,
    },
  });
  charts.push({
    chart,
    paint() {
      Object.assign(chart.data.datasets[0], {
        backgroundColor: views.map((_, slot) => colour(`--arv-slot-${slot}`)),
        borderColor: colour("--arv-card"),
        hoverBorderColor: colour("--arv-card"),
        borderWidth: 2,
      });
    },
  });
}

/** Everything that follows the theme's light or dark colours. */
function paint() {
  for (const { chart, paint: repaint } of charts) {
    repaint();
    chart.update("none");
  }
}

function draw(data) {
  for (const canvas of root.querySelectorAll("canvas[data-chart]")) {
    const { chart } = canvas.dataset;
    if (chart === "days") drawDays(canvas, data);
    else drawRing(canvas, data.shares[chart]);
  }
  paint();
  new MutationObserver(paint).observe(document.documentElement, { attributeFilter: ["class"] });
}

function nameCountries() {
  const names = new Intl.DisplayNames(language, { type: "region", fallback: "code" });
  for (const element of root.querySelectorAll("[data-country]")) {
    const { country } = element.dataset;
    if (/^[A-Z]{2}$/.test(country)) element.textContent = names.of(country);
  }
}

/** Long lists are looked through on the server, within what is chosen above them. */
function searchable(form, select, $) {
  const wider = [...form.querySelectorAll("select")].filter(
    (other) => other.compareDocumentPosition(select) & Node.DOCUMENT_POSITION_FOLLOWING,
  );
  $(select).select2({
    theme: "admin-autocomplete",
    width: "100%",
    placeholder: select.dataset.placeholder,
    allowClear: true,
    ajax: {
      url: form.dataset.choices,
      delay: 250,
      data: ({ term = "", page = 1 }) => ({
        of: select.dataset.search,
        q: term,
        page,
        ...Object.fromEntries(wider.map(({ name, value }) => [name, value])),
      }),
    },
  });
}

function setUpFilter() {
  const form = root.querySelector("[data-dashboard-filter]");
  const $ = window.django.jQuery;
  const selects = [...form.querySelectorAll("select")];
  for (const select of selects) {
    if (select.dataset.search) searchable(form, select, $);
    // What was chosen within the old one is not in the new one.
    $(select).on("change", () => {
      const narrower = selects.slice(selects.indexOf(select) + 1).filter(({ value }) => value);
      for (const other of narrower) $(other).val("").trigger("change");
    });
  }
  form.addEventListener("click", (event) => {
    // A tap on a number of days; the keyboard's arrows pass over all of them.
    if (event.detail > 0 && event.target.name === "period" && event.target.value !== "custom") form.requestSubmit();
  });
  form.addEventListener("formdata", ({ formData }) => {
    const isCustom = formData.get("period") === "custom";
    for (const [name, value] of [...formData]) {
      if (!value || (!isCustom && ["from", "to"].includes(name))) formData.delete(name);
    }
  });
}

const data = document.getElementById("arv-dashboard");
if (data) draw(JSON.parse(data.textContent));
nameCountries();
setUpFilter();
