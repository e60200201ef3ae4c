// The sample of a slip follows the form; without this file the stored one stands beside it.
"use strict";
(() => {
  const box = document.querySelector("[data-preview]");
  if (!box) return;
  const form = box.closest("form");
  const desk = box.querySelector("[data-preview-desk]");
  const size = box.querySelector("[data-preview-size]");
  const refused = box.querySelector("[data-logo-refused]");
  let waiting = 0;
  let asked = 0;

  async function draw() {
    const mine = ++asked;
    try {
      const answer = await fetch(box.dataset.preview, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
      if (!answer.ok || mine !== asked) return; // an older answer never covers a newer one
      const said = await answer.json();
      desk.innerHTML = said.slip; // our own template, which escapes
      size.textContent = said.size;
      refused.hidden = !said.refused.length;
      refused.querySelector("span").textContent = said.refused.join(" ");
    } catch { /* no network: the last sample stays */ }
  }
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(draw, 300);
  };
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  box.querySelector("#slip_paper")?.addEventListener("change", (event) => {
    const same = box.querySelector(`[name=shown][value="${event.target.value}"]`);
    if (same) same.checked = true;
  });
})();
