// The plan page while somebody types: the server prices what stands in the form, the right side follows,
// and what is wrong is said at its row.  Nothing is stored.  Without this file "Show what it means" asks.
(() => {
  "use strict";
  const form = document.querySelector("[data-plan-form]");
  if (!form) return;
  const PARTS = ["meaning-curve", "meaning-samples", "meaning-last"];
  const WAIT_MS = 350;
  const say = form.querySelector("[data-say]");
  const byId = (id) => document.getElementById(id);
  form.querySelectorAll("[data-no-script]").forEach((one) => one.remove());

  // --- what is wrong, at its row ------------------------------------------------------------------
  function sentence(id, words) {
    const line = document.createElement("p");
    line.className = "error";
    if (id) line.id = `${id}-error`;
    const icon = document.createElement("i");
    icon.className = "fa fa-circle-exclamation";
    icon.setAttribute("aria-hidden", "true");
    const text = document.createElement("span");
    text.textContent = words;
    line.append(icon, text);
    return line;
  }
  function clear() {
    form.querySelectorAll(".error").forEach((one) => { if (!one.closest("[id^=meaning-]")) one.remove(); });
    form.querySelectorAll("[aria-invalid]").forEach((one) => {
      one.removeAttribute("aria-invalid");
      if ((one.getAttribute("aria-describedby") || "").endsWith("-error")) one.removeAttribute("aria-describedby");
    });
  }
  function mark(errors) {
    clear();
    for (const [name, words] of Object.entries(errors)) {
      const list = form.querySelector(`[data-rows="${CSS.escape(name)}"]`);
      if (list) {
        list.querySelector(":scope > [data-rows-errors]").append(sentence("", words.join(" ")));
        continue;
      }
      const field = form.querySelector(`[name="${CSS.escape(name)}"]`) || form.querySelector(`[data-bases="${CSS.escape(name)}"]`);
      if (!field) continue;
      const at = form.querySelector(`[data-bases="${CSS.escape(name)}"]`) || field;
      at.setAttribute("aria-invalid", "true");
      at.setAttribute("aria-describedby", `${field.id || name}-error`);
      const row = field.closest(".plan-row");
      (row || field.closest(".field") || field.parentElement).append(sentence(field.id || name, words.join(" ")));
    }
  }

  // --- the right side ------------------------------------------------------------------------------
  const open = (root) => [...root.querySelectorAll("details[data-key]")].filter((one) => one.open).map((one) => one.dataset.key);
  function show(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const id of PARTS) {
      const fresh = page.getElementById(id);
      if (!fresh) continue;
      const kept = new Set(open(byId(id)));
      byId(id).replaceWith(fresh);
      fresh.querySelectorAll("details[data-key]").forEach((one) => { one.open = kept.has(one.dataset.key); });
    }
  }
  const stale = (on) => PARTS.forEach((id) => byId(id).classList.toggle("stale", on));

  let timer = 0, retry = 0, asking = null, first = true, fresh = true;
  const state = () => new URLSearchParams(new FormData(form)).toString();
  let shown = state();
  async function ask() {
    clearTimeout(timer);
    clearTimeout(retry);
    const now = state();
    if (now === shown && !first) return stale(!fresh);
    asking?.abort();
    const mine = (asking = new AbortController());
    try {
      const answer = await fetch(form.dataset.planForm, {
        method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" }, signal: mine.signal,
      });
      // Between here and the program something is down for a moment: as good as not reached.
      if ([502, 503, 504].includes(answer.status)) throw new Error(String(answer.status));
      // It was reached, and refused or failed: the same again would not help; what is typed next is asked anew.
      if (answer.redirected || !answer.ok) return void (say.textContent = form.dataset.refused);
      const said = await answer.json();
      mark(said.errors);
      // What the refusal said above the form is over once nothing is wrong any more.
      if (!said.say) form.querySelector("[data-summary]")?.remove();
      say.textContent = said.say;
      say.classList.toggle("bad", said.wrong);
      if (said.html) show(said.html);
      fresh = Boolean(said.html);
      stale(!fresh);
      shown = now;
      first = false;
    } catch (error) {
      if (error.name === "AbortError") return;
      stale(true);
      say.textContent = form.dataset.lost;
      retry = setTimeout(() => { first = true; ask(); }, 4000);
    } finally {
      if (asking === mine) asking = null;
    }
  }
  function soon() {
    stale(true);
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT_MS);
  }
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  form.addEventListener("rows", soon);
  form.addEventListener("submit", (event) => {
    if (event.submitter?.name !== "show") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    ask();
  });

  // A page that came without figures (rows added, back from step 1) gets them now.
  if (form.hasAttribute("data-ask-first")) ask();

  // --- what counts only beside something else ---------------------------------------------------------
  const recovery = form.elements.fee_recovery;
  const rounding = form.elements.money_rounding;
  function reveal() {
    form.querySelectorAll("[data-capped]").forEach((one) => { one.hidden = recovery.value !== "capped"; });
    form.querySelectorAll("[data-money-rounding]").forEach((one) => { one.hidden = !rounding.value; });
  }
  form.addEventListener("change", reveal);
  reveal();
})();
