// The grid of a group's rights: whole rows and parts at once, what needs what, what differs from what is stored,
// and arrow keys from box to box.  Sentences come ready from the server, which checks everything again.
"use strict";
(() => {
  const root = document.querySelector("[data-rights]");
  if (!root) return;
  const boxes = [...root.querySelectorAll("input[data-needs]")];
  const byName = new Map(boxes.map((box) => [box.value, box]));
  const said = root.querySelector("[data-said]");
  const open = (list) => list.filter((box) => !box.disabled);
  const needs = (box) => box.dataset.needs.split(" ").map((name) => byName.get(name)).filter(Boolean);
  const called = (box) => {
    const row = box.closest("[data-row]").querySelector("th > span").textContent.trim();
    return `${row}: ${box.parentElement.textContent.trim()}`;
  };

  // --- what needs what ----------------------------------------------------------------------------
  function tick(box, on, along) {
    if (box.disabled || box.checked === on) return;
    box.checked = on;
    follow(box, along);
  }
  function follow(box, along) {
    if (box.checked) {
      needs(box).filter((other) => !other.checked && !other.disabled).forEach((other) => { along.push(other); tick(other, true, along); });
    } else {
      boxes.filter((other) => other.checked && needs(other).includes(box)).forEach((other) => { along.push(other); tick(other, false, along); });
    }
  }

  // --- what differs, and the warning ----------------------------------------------------------------
  const scope = document.getElementById("row_scope");
  const note = root.querySelector("[data-system-note]");
  function settle(along, sentence) {
    let more = 0;
    let fewer = 0;
    boxes.forEach((box) => {
      if (!("held" in box.dataset)) return;
      const had = box.dataset.held === "1";
      box.parentElement.classList.toggle("gained", box.checked && !had);
      box.parentElement.classList.toggle("lost", !box.checked && had);
      if (box.checked && !had) more += 1;
      if (!box.checked && had) fewer += 1;
    });
    note.hidden = !(scope && scope.value === "vending_point" && boxes.some((box) => box.checked && "system" in box.dataset));
    if (!said) return;
    const words = [];
    if (more) words.push(said.dataset.more.replace("#", more));
    if (fewer) words.push(said.dataset.fewer.replace("#", fewer));
    if (along && along.length) words.push(sentence.replace("#", along.map(called).join(said.dataset.comma)));
    said.textContent = words.join(" · ");
  }

  root.addEventListener("change", (event) => {
    const box = event.target;
    if (!box.dataset || box.dataset.needs === undefined) return;
    const along = [];
    follow(box, along);
    settle(along, box.checked ? said.dataset.needed : said.dataset.dropped);
  });
  if (scope) scope.addEventListener("change", () => settle());

  // --- a whole row, a whole part --------------------------------------------------------------------
  root.querySelectorAll("[data-whole]").forEach((button) => {
    const holder = button.closest(button.dataset.whole === "row" ? "[data-row]" : "[data-part]");
    const own = open([...holder.querySelectorAll("input[data-needs]")]);
    button.hidden = own.length === 0;
    button.addEventListener("click", () => {
      const on = own.some((box) => !box.checked);
      const along = [];
      own.forEach((box) => tick(box, on, along));
      settle(along.filter((box) => !own.includes(box)), on ? said.dataset.needed : said.dataset.dropped);
    });
  });

  // --- arrows -----------------------------------------------------------------------------------------
  const rows = [...root.querySelectorAll("[data-row]")].map((row) => open([...row.querySelectorAll("input[data-needs]")])).filter((row) => row.length);
  root.addEventListener("keydown", (event) => {
    const at = rows.findIndex((row) => row.includes(event.target));
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const side = document.documentElement.dir === "rtl" ? -1 : 1;
    const across = { ArrowRight: side, ArrowLeft: -side }[event.key];
    const down = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!across && !down) return;
    event.preventDefault();
    const place = rows[at].indexOf(event.target);
    if (across) {
      rows[at][place + across]?.focus();
      return;
    }
    const next = rows[at + down];
    if (!next) return;
    const column = event.target.dataset.column;
    (next.find((box) => column && box.dataset.column === column) || next[Math.min(place, next.length - 1)]).focus();
  });
  settle();
  const seen = document.getElementById("seen");
  if (seen) seen.scrollIntoView({ block: "start" });
})();
