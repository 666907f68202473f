/** The dashboard: its charts, countries by name, and a filter that answers at once. */

import { ArcElement, Chart, DoughnutController } from "chart.js";

import { colour, daysChart, followTheme } from "./days-chart.js";

Chart.register(ArcElement, DoughnutController);

const root = document.querySelector(".arv-dash");
const language = document.documentElement.lang;
const charts = [];

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
        backgroundColor: views.map((_, slot) => colour(canvas, `--arv-slot-${slot}`)),
        borderColor: colour(canvas, "--arv-card"),
        hoverBorderColor: colour(canvas, "--arv-card"),
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
    if (chart === "days") charts.push(daysChart(canvas, data));
    else drawRing(canvas, data.shares[chart]);
  }
  followTheme(paint);
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
