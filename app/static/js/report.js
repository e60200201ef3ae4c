// Draws the charts of a report. Every text, also of the axis, comes from the page in the reader's language;
// the heights are whole numbers and nothing is reckoned here. Without this script the table says the same.
(() => {
  "use strict";
  const root = document.documentElement;
  const NAME_LINES = 3;
  const NAME_ROOM = 56; // pixels: less holds no name
  const AXIS = 70; // about what the figures at the side take

  function colour(name) {
    return getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  }

  function faded(hex) {
    return hex.length === 7 ? `${hex}80` : hex;
  }

  // The lines of a name under its bar, none wider than its room; what is left out is told by a sign.
  function lines(name, room, pen) {
    const made = [];
    for (const word of name.split(" ")) {
      const longer = made.length ? `${made[made.length - 1]} ${word}` : word;
      if (made.length && pen.measureText(longer).width <= room) made[made.length - 1] = longer;
      else made.push(word);
    }
    if (made.length > NAME_LINES) made[NAME_LINES - 1] = `${made[NAME_LINES - 1].replace(/[,،，]$/, "")}…`;
    return made.slice(0, NAME_LINES).map((line) => {
      let cut = line;
      while (cut.length > 2 && pen.measureText(cut).width > room) cut = `${cut.replace(/…$/, "").slice(0, -1)}…`;
      return `\u2068${cut}\u2069`; // a Latin name among Arabic ones keeps its comma where it is
    });
  }

  // A bar without its name is nobody's: names are broken and shortened, and only where there is no room some left out.
  function names(told) {
    return {
      color: colour("ink-3"), maxRotation: 0, autoSkip: false,
      callback(_value, at) {
        const wide = (this.chart.width - AXIS) / told.labels.length;
        const every = Math.max(1, Math.ceil(NAME_ROOM / wide));
        return at % every ? "" : lines(told.labels[at], every * wide - 6, this.chart.ctx);
      },
    };
  }

  // Time is as light as electricity where there are no colours: it is striped.
  function striped(plain) {
    const tile = document.createElement("canvas");
    tile.width = 4;
    tile.height = 1;
    const pen = tile.getContext("2d");
    pen.fillStyle = plain;
    pen.fillRect(0, 0, 4, 1);
    pen.fillStyle = colour("paper");
    pen.fillRect(0, 0, 1, 1);
    return pen.createPattern(tile, "repeat");
  }

  function dataset(series, last) {
    const plain = colour(series.colour);
    const fill = series.colour === "time" ? striped : (one) => one;
    return {
      label: series.name,
      data: series.values.map((value) => Math.max(value, 0)),
      texts: series.texts,
      backgroundColor: series.values.map((_value, at) => fill(at === last ? faded(plain) : plain)),
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
        // From the right the last name hangs over the edge, and Chart.js leaves room at the other one.
        layout: { padding: { left: rtl && !told.named ? 24 : 0 } },
        animation: false,
        interaction: { mode: "index", intersect: false },
        font: { family: getComputedStyle(document.body).fontFamily },
        plugins: {
          legend: { display: false },
          tooltip: {
            rtl,
            textDirection: rtl ? "rtl" : "ltr",
            callbacks: { label: ({ dataset: { label, texts: said }, dataIndex }) => told.pair.replace("{name}", () => label).replace("{value}", () => said[dataIndex]) },
          },
        },
        scales: {
          x: { stacked: true, reverse: rtl, grid: { display: false }, ticks: told.named ? names(told) : { color: colour("ink-3"), maxRotation: 0, autoSkipPadding: 12 } },
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
