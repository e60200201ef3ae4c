// Draws the charts of a report. Every text, also of the axis, comes from the page in the reader's language;
// the heights are whole numbers and nothing is reckoned here. Without this script the table says the same.
(() => {
  "use strict";
  const root = document.documentElement;

  function colour(name) {
    return getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  }

  function faded(hex) {
    return hex.length === 7 ? `${hex}80` : hex;
  }

  function dataset(series, last) {
    const plain = colour(series.colour);
    return {
      label: series.name,
      data: series.values.map((value) => Math.max(value, 0)),
      texts: series.texts,
      backgroundColor: series.values.map((_value, at) => (at === last ? faded(plain) : plain)),
      borderColor: colour("paper"),
      borderWidth: { top: 1.5 },
      maxBarThickness: 44,
      stack: "one",
    };
  }

  function draw(card) {
    const told = JSON.parse(card.dataset.chart);
    const rtl = root.dir === "rtl";
    const last = told.unfinished ? told.labels.length - 1 : -1;
    const texts = new Map(told.ticks.map((mark, at) => [mark, told.tick_texts[at]]));
    return new window.Chart(card.querySelector("canvas"), {
      type: "bar",
      data: { labels: told.labels, datasets: told.series.map((series) => dataset(series, last)) },
      options: {
        responsive: true,
        maintainAspectRatio: false,
        animation: false,
        interaction: { mode: "index", intersect: false },
        font: { family: getComputedStyle(document.body).fontFamily },
        plugins: {
          legend: { display: false },
          tooltip: {
            rtl,
            textDirection: rtl ? "rtl" : "ltr",
            callbacks: { label: (item) => `${item.dataset.label}: ${item.dataset.texts[item.dataIndex]}` },
          },
        },
        scales: {
          x: { stacked: true, reverse: rtl, grid: { display: false }, ticks: { color: colour("ink-3"), maxRotation: 0, autoSkipPadding: 12 } },
          y: {
            stacked: true,
            position: rtl ? "right" : "left",
            min: 0,
            max: told.ticks[told.ticks.length - 1],
            border: { display: false },
            grid: { color: colour("line") },
            afterBuildTicks: (axis) => { axis.ticks = told.ticks.map((value) => ({ value })); },
            ticks: { color: colour("ink-3"), callback: (value) => texts.get(value) || "" },
          },
        },
      },
    });
  }

  function all() {
    const cards = [...document.querySelectorAll("[data-chart]")];
    let drawn = cards.map(draw);
    const again = () => {
      drawn.forEach((chart) => chart.destroy());
      drawn = cards.map(draw);
    };
    // The colours follow when somebody changes between light and dark.
    new MutationObserver(again).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  }

  window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  all();
})();
