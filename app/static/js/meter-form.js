// The meter's form: says at the field what follows from what is typed, and shows the fields of another key only when
// one is meant.  Without this script all fields are there, and a button asks the same.
"use strict";
(() => {
  const asked = document.getElementById("look");
  const form = document.getElementById("model_form");
  if (!asked || !form) return;
  const WAIT_MS = 200;
  const ICONS = { ok: "fa-circle-check", warn: "fa-triangle-exclamation", bad: "fa-circle-exclamation" };
  const own = [...form.querySelectorAll("[data-with]")].map((field) => field.closest(".field"));
  const chosen = () => (form.querySelector("[name=key]:checked") || {}).value || "";

  function fold() {
    own.forEach((field) => { field.hidden = chosen() !== "typed"; });
  }

  function place(name) {
    const control = form.querySelector(`#${name}`);
    let box = form.querySelector(`[data-said=${name}]`);
    if (!box && control) {
      box = document.createElement("div");
      box.dataset.said = name;
      box.setAttribute("role", "status");
      control.after(box);
    }
    return box;
  }

  // What the server said of the number that was sent is over once another one stands there, or the same is said anew.
  function forget(rows) {
    const field = form.elements.meter_number;
    const again = rows.some((row) => row.field === "meter_number" && row.tone === "bad");
    if (field.value === field.defaultValue && !again) return;
    document.getElementById("meter_number-error")?.remove();
    field.removeAttribute("aria-invalid");
    field.setAttribute("aria-describedby", "meter_number-help");
  }

  function say(rows) {
    forget(rows);
    for (const name of ["meter_number", "key"]) {
      const box = place(name);
      if (!box) continue;
      box.replaceChildren(...rows.filter((row) => row.field === name).map((row) => {
        const line = document.createElement("p");
        line.className = `said ${row.tone}`;
        const icon = document.createElement("i");
        icon.className = `fa ${ICONS[row.tone]}`;
        icon.setAttribute("aria-hidden", "true");
        line.append(icon, row.text);
        return line;
      }));
    }
  }

  let timer = 0;
  let number = 0;
  async function ask() {
    const mine = (number += 1);
    const wanted = new URLSearchParams();
    for (const name of ["meter_number", "product", "sgc", "krn", "algorithm"]) {
      const field = form.elements[name];
      if (field && field.value) wanted.set(name, field.value);
    }
    if (chosen()) wanted.set("key", chosen());
    if (chosen() !== "typed") ["sgc", "krn", "algorithm"].forEach((name) => wanted.delete(name));
    try {
      const answer = await fetch(`${asked.dataset.look}?${wanted}`, { headers: { Accept: "application/json" } });
      // A slow answer must not replace a newer one.
      if (answer.ok && mine === number) say(await answer.json());
    } catch {
      say([]);
    }
  }

  form.addEventListener("change", () => { fold(); ask(); });
  form.elements.meter_number.addEventListener("input", (event) => {
    clearTimeout(timer);
    // A number half typed is no mistake yet.
    const digits = event.target.value.replace(/[\s-]/g, "");
    if (digits.length === 11 || digits.length === 13) timer = setTimeout(ask, WAIT_MS);
    else say([]);
  });
  fold();
  if (form.elements.meter_number.value || chosen()) ask();
})();
