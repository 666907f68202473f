/** Draws the front page's line chart; the table below it holds the same figures. */

import { daysChart, followTheme } from "./days-chart.js";

const canvas = document.querySelector("[data-visits-chart]");
const { chart, paint } = daysChart(canvas, JSON.parse(document.getElementById("arv-visits").textContent));

followTheme(() => {
  paint();
  chart.update("none");
});
