// The counter without a mouse: search while typing, the live sum, the keys, one sale per press.
// Everything works without this file too; the server decides, this only saves waiting.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const inField = (target) => target.matches?.("input:not([type=radio]):not([type=checkbox]), textarea, select");
  const dialogOpen = () => $("dialog[open], .modal.in");

  const seek = $("[data-seek]");
  const ask = $("#ask");
  const sell = $("#sell");

  // --- search -----------------------------------------------------------------------------
  const digitsOf = (text) => text.replace(/[\s-]/g, "");
  const isNumber = (text) => /^[0-9]{2,13}$/.test(digitsOf(text));

  function groupDigits(input) {
    const number = isNumber(input.value);
    input.classList.toggle("is-number", number);
    if (!number || input.selectionStart !== input.value.length) return;
    const digits = digitsOf(input.value);
    input.value = [digits.slice(0, 4), digits.slice(4, 8), digits.slice(8)].filter(Boolean).join(" ");
  }

  let search = null;
  async function findCards() {
    const text = $("#q").value.trim();
    const place = $("#found");
    if (!place) return;
    search?.abort();
    const mine = (search = new AbortController());
    try {
      const answer = await fetch(`${seek.dataset.cards}?q=${encodeURIComponent(text)}`, { signal: mine.signal, headers: { Accept: "text/html" } });
      if (answer.status === 401 || answer.redirected) return location.reload();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.getElementById("found");
      if (!found) return;
      place.replaceWith(found);
      $("[data-count]", seek).textContent = found.dataset.say;
      const said = $("#q-error");
      said?.remove();
      const wrong = found.dataset.refused;
      $("#q").toggleAttribute("aria-invalid", Boolean(wrong));
      if (wrong) seek.insertAdjacentElement("afterend", errorLine("q-error", wrong));
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      if (search === mine) search = null;
    }
  }

  function errorLine(id, text) {
    const line = document.createElement("p");
    line.className = "error seek-error";
    line.id = id;
    line.setAttribute("role", "alert");
    line.innerHTML = '<i class="fa fa-circle-exclamation" aria-hidden="true"></i><span></span>';
    line.lastChild.textContent = text;
    return line;
  }

  function moveAmongCards(step) {
    const links = all("[data-buy]");
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    if (at + step < 0 && at >= 0) return $("#q").focus();
    all(".meter-card.chosen").forEach((card) => card.classList.remove("chosen"));
    links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
  }

  if (seek) {
    const input = $("#q");
    let rest = 0;
    input.addEventListener("input", () => {
      groupDigits(input);
      clearTimeout(rest);
      rest = setTimeout(findCards, 120);
    });
    groupDigits(input);
    seek.addEventListener("submit", async (event) => {
      const digits = digitsOf(input.value);
      // A scanner sends the whole number and Enter before any card is there.
      if (/^([0-9]{11}|[0-9]{13})$/.test(digits) && !all("#found .meter-card").some((card) => digitsOf($(".digits", card).textContent) !== digits)) {
        event.preventDefault();
        location.assign(seek.dataset.meter + digits);
        return;
      }
      if (!$("#found")) return;
      event.preventDefault();
      clearTimeout(rest);
      await findCards();
      const first = $("[data-buy]");
      if (first) location.assign(first.href);
    });
  }

  // --- the live sum -----------------------------------------------------------------------
  const PARTS = ["value-error", "received-error", "change", "month", "sum"];
  let asking = null;
  let rest = 0;
  let restSay = 0;
  let asked = "";

  const fields = () => new URLSearchParams(new FormData(ask));
  function markStale() {
    sell.classList.add("stale");
    clearTimeout(rest);
    rest = setTimeout(quote, 90);
  }

  async function quote() {
    clearTimeout(rest);
    const wanted = fields();
    wanted.set("meter_number", ask.dataset.meter);
    if (String(wanted) === asked && !asking) return sell.classList.remove("stale");
    asking?.abort();
    const mine = (asking = new AbortController());
    try {
      const answer = await fetch(`${ask.dataset.quote}?${wanted}`, { signal: mine.signal, headers: { Accept: "text/html" } });
      if (answer.status === 401 || answer.redirected) return location.assign(keepTyped());
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!page.getElementById("sum")) return;
      for (const id of PARTS) document.getElementById(id).replaceWith(page.getElementById(id));
      asked = String(wanted);
      history.replaceState(null, "", keepTyped());
      $("#value").toggleAttribute("aria-invalid", Boolean($("#value-error").textContent.trim()));
      if ($("#value").hasAttribute("aria-invalid")) $("#value").setAttribute("aria-invalid", "true");
      $("#received").removeAttribute("aria-invalid");
      if ($("#received-error").textContent.trim()) $("#received").setAttribute("aria-invalid", "true");
      sell.classList.remove("stale");
      clearTimeout(restSay);
      restSay = setTimeout(() => { $("[data-said]").textContent = $("#sum").dataset.say; }, 500);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      if (asking === mine) asking = null;
    }
  }

  // The address carries what is typed, so that reload, back and a new sign-in lose nothing.
  function keepTyped() {
    const kept = fields();
    for (const [name, value] of [...kept]) if (!value) kept.delete(name);
    return kept.has("value") ? `${ask.getAttribute("action")}?${kept}` : ask.getAttribute("action");
  }

  function chooseSide(by) {
    $(`input[name=by][value=${by}]`, ask).checked = true;
    const unit = $("[data-unit]");
    unit.textContent = unit.dataset[by];
    all("#quick [data-by]").forEach((chip) => { chip.hidden = chip.dataset.by !== by; });
    const value = $("#value");
    value.value = "";
    value.focus();
    pressChips();
    markStale();
  }

  function pressChips() {
    all("#quick .chip").forEach((chip) => chip.setAttribute("aria-pressed", String(!chip.hidden && chip.value === $("#value").value)));
  }

  if (ask) {
    asked = $("#value").value ? "" : String((() => { const now = fields(); now.set("meter_number", ask.dataset.meter); return now; })());
    ask.addEventListener("input", (event) => {
      if (event.target.name === "by") return chooseSide(event.target.value);
      pressChips();
      markStale();
    });
    ask.addEventListener("click", (event) => {
      const chip = event.target.closest(".chip");
      if (!chip) return;
      event.preventDefault();
      $("#value").value = chip.value;
      pressChips();
      $("#value").focus();
      quote();
    });
    // Enter in the amount leads to the button that says what will happen; Enter there sells.
    ask.addEventListener("submit", async (event) => {
      event.preventDefault();
      await quote();
      const button = $("#sell-button");
      if (button && !button.disabled) button.focus();
    });
    if ($("#value").value) $("#value").setSelectionRange($("#value").value.length, $("#value").value.length);
  }

  // --- sell, once -------------------------------------------------------------------------
  let sent = false;
  async function pressSell() {
    if (sent) return;
    if (sell.classList.contains("stale") || asking) await quote();
    const button = $("#sell-button");
    if (button && !button.disabled) sell.requestSubmit(button);
  }

  if (sell) {
    sell.addEventListener("submit", (event) => {
      if (sent || sell.classList.contains("stale")) {
        event.preventDefault();
        if (!sent) pressSell();
        return;
      }
      sent = true;
      const button = $("#sell-button");
      button.setAttribute("aria-busy", "true");
      const word = $("[data-word]", button);
      setTimeout(() => { word.textContent = sell.dataset.asking; }, 1000);
      setTimeout(() => {
        const waiting = $("[data-waiting]");
        waiting.hidden = false;
        waiting.textContent = `${button.dataset.money} ${sell.dataset.held}`;
      }, 5000);
    });
    // Coming back by the browser's own button: the page may be pressed again, under its old reference.
    addEventListener("pageshow", () => { sent = false; $("#sell-button")?.removeAttribute("aria-busy"); });
  }

  // --- printing and copying ----------------------------------------------------------------
  const printing = $("[data-printing]");
  if (printing) {
    printing.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = $("button", printing);
      if (button.getAttribute("aria-busy")) return;
      button.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch(printing.action, { method: "POST", body: new FormData(printing), headers: { Accept: "application/json" } });
        if (!answer.ok) return location.reload();
        const { copy } = await answer.json();
        const mark = $("[data-copy-mark]");
        mark.hidden = !copy;
        $("[data-copy-number]", mark).textContent = copy || "";
        window.print();
        $("[data-new]").focus();
      } finally {
        button.removeAttribute("aria-busy");
      }
    });
    if (printing.hasAttribute("data-now")) window.print();
  }
  const copy = $("[data-copy]");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(copy.dataset.copy);
      $("[data-word]", copy).textContent = copy.dataset.copied;
    });
  }

  // --- keys ---------------------------------------------------------------------------------
  function leave() {
    const target = $("[data-new]")?.href || $("[data-leave]")?.href;
    const typed = ask && $("#value").value.trim();
    if (typed && $("#leave")) return $("#leave").showModal();
    if (target) return location.assign(target);
    if (seek && $("#q").value) { $("#q").value = ""; $("#q").classList.remove("is-number"); findCards(); }
    $("#q")?.focus();
  }

  const KEYS = {
    F2: () => ask && chooseSide($("input[name=by]:checked", ask).value === "amount" ? "quantity" : "amount"),
    F8: () => (printing ? printing.requestSubmit() : $("[data-print]")?.click()),
    F9: () => sell && pressSell(),
    Escape: leave,
    ArrowDown: () => seek && $("[data-buy]") && moveAmongCards(1),
    ArrowUp: () => seek && $("[data-buy]") && moveAmongCards(-1),
  };
  document.addEventListener("keydown", (event) => {
    if (dialogOpen() || event.ctrlKey || event.altKey || event.metaKey) return;
    const single = !inField(event.target);
    if (KEYS[event.key]) {
      if (event.key.startsWith("Arrow") && event.target.closest?.("#ask")) return;
      if (event.key.startsWith("F") || event.key.startsWith("Arrow")) event.preventDefault();
      if (event.key === "F9" && event.repeat) return;
      KEYS[event.key]();
    } else if (single && event.key === "/" && seek) {
      event.preventDefault();
      $("#q").focus();
      $("#q").select();
    } else if (single && event.key === "?" && $("#keys")) {
      event.preventDefault();
      $("#keys").showModal();
    } else if (single && /^[0-9]$/.test(event.key) && seek && !ask) {
      $("#q").focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("dialog [data-close]")) event.target.closest("dialog").close();
  });
})();
