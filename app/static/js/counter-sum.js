// The purchase page: the live sum from the server, the keys, one sale per press.
// Without this file "Show the sum" asks by GET and Sell posts; this only saves waiting.
"use strict";
(() => {
  const ask = document.getElementById("ask");
  const sell = document.getElementById("sell");
  if (!ask || !sell) return;
  const byId = (id) => document.getElementById(id);
  const value = byId("value");
  const PARTS = ["meter-error", "value-error", "received-error", "change", "month", "sum"];

  // --- the live sum -------------------------------------------------------------------------
  let asking = null;
  let rest = 0;
  let restSay = 0;
  const wanted = () => {
    const fields = new URLSearchParams(new FormData(ask));
    fields.set("meter_number", ask.dataset.meter);
    return String(fields);
  };
  // What was typed before this listened, or came back with the page, has no sum yet.
  const early = [...ask.elements].some((field) => field.checked !== field.defaultChecked
    || (["text", "search", "tel"].includes(field.type) && field.value !== field.defaultValue));
  let shown = early ? null : wanted();

  function ripple() {
    sell.classList.add("stale");
    clearTimeout(rest);
    rest = setTimeout(quote, 90);
  }

  function mark(field, wrong) {
    if (wrong) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }

  // --- no sum: the server cannot be reached, or it failed -------------------------------------
  const unreached = sell.querySelector("[data-unreached]");
  const broken = sell.querySelector("[data-broken]");
  const without = () => !unreached.hidden || !broken.hidden;
  let retry = 0;

  // The old figures are of something else, so they are hidden, not greyed; the sum comes by itself.
  function sayWithout(why) {
    unreached.hidden = why !== unreached;
    broken.hidden = why !== broken;
    byId("sum").hidden = true;
    sell.classList.remove("stale");
    shown = null;
    clearTimeout(retry);
    retry = setTimeout(quote, 3000);
  }
  function sayReached() {
    clearTimeout(retry);
    unreached.hidden = broken.hidden = true;
    byId("sum").hidden = false;
  }
  addEventListener("online", () => { if (without()) quote(); });

  async function quote() {
    clearTimeout(rest);
    const now = wanted();
    if (now === shown && !asking) return sell.classList.remove("stale");
    asking?.abort();
    const mine = (asking = new AbortController());
    try {
      const answer = await fetch(`${ask.dataset.quote}?${now}`, { signal: mine.signal });
      if (answer.status === 401 || answer.redirected) return location.assign(address());
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!page.getElementById("sum")) return answer.status < 500 ? location.assign(address()) : sayWithout(broken);
      for (const id of PARTS) byId(id).replaceWith(page.getElementById(id));
      shown = now;
      sayReached();
      history.replaceState(null, "", address());
      mark(value, byId("value-error").textContent.trim());
      mark(byId("received"), byId("received-error").textContent.trim());
      sell.classList.remove("stale");
      clearTimeout(restSay);
      restSay = setTimeout(() => { document.querySelector("[data-said]").textContent = byId("sum").dataset.say; }, 500);
    } catch (error) {
      if (error.name !== "AbortError") sayWithout(unreached);
    } finally {
      if (asking === mine) asking = null;
    }
  }

  // The address carries what is typed and the purchase's reference, so that reload, back, a lost
  // answer and a new sign-in lose nothing and find the sale that was made.
  function address() {
    const kept = new URLSearchParams([...new FormData(ask)].filter(([, text]) => text));
    return kept.has("value") ? `${ask.getAttribute("action")}?${kept}` : ask.getAttribute("action");
  }

  function pressChips() {
    ask.querySelectorAll(".chip").forEach((chip) => chip.setAttribute("aria-pressed", String(!chip.hidden && chip.value === value.value)));
  }

  function takeSide(by) {
    const unit = ask.querySelector("[data-unit]");
    unit.textContent = unit.dataset[by];
    ask.querySelectorAll(".chip").forEach((chip) => { chip.hidden = chip.dataset.by !== by; });
    value.value = "";
    pressChips();
    ripple();
  }

  ask.addEventListener("input", (event) => {
    if (event.target.name === "by") return takeSide(event.target.value);
    pressChips();
    ripple();
  });
  // Quick values, and the better sums that a warning beside Sell offers.
  document.addEventListener("click", (event) => {
    const chip = event.target.closest(".chip[name=pick]");
    if (!chip) return;
    event.preventDefault();
    value.value = chip.value;
    pressChips();
    value.focus();
    quote();
  });
  // Enter in a field leads to the button that says what will happen; Enter there sells.
  ask.addEventListener("submit", async (event) => {
    event.preventDefault();
    await quote();
    if (!byId("sell-button").disabled) byId("sell-button").focus();
  });
  if (value.value) history.replaceState(null, "", address());
  value.setSelectionRange(value.value.length, value.value.length);
  if (early) ripple();

  // --- sell, once ---------------------------------------------------------------------------
  let sent = false;
  async function press() {
    if (sent) return;
    if (sell.classList.contains("stale") || asking) await quote();
    const button = byId("sell-button");
    if (without()) return;
    if (button.href) location.assign(button.href);
    else if (!button.disabled && !sell.classList.contains("stale")) sell.requestSubmit(button);
  }
  sell.addEventListener("submit", (event) => {
    if (sent || sell.classList.contains("stale")) {
      event.preventDefault();
      if (!sent) press();
      return;
    }
    if (!navigator.onLine) {
      event.preventDefault();
      return sayWithout(unreached);
    }
    sent = true;
    const button = byId("sell-button");
    button.setAttribute("aria-busy", "true");
    setTimeout(() => { button.querySelector("[data-word]").textContent = sell.dataset.asking; }, 1000);
    setTimeout(() => {
      const waiting = sell.querySelector("[data-waiting]");
      waiting.hidden = false;
      waiting.textContent = `${button.dataset.money} ${sell.dataset.held}`;
    }, 5000);
  });
  // Back by the browser's button: the page may be pressed again, under its old reference; one that
  // was kept as it stood asks what became of it.
  addEventListener("pageshow", (event) => {
    sent = false;
    byId("sell-button").removeAttribute("aria-busy");
    if (!event.persisted) return;
    shown = null;
    ripple();
  });

  // --- keys ---------------------------------------------------------------------------------
  const KEYS = {
    F2() {
      const other = ask.querySelector("input[name=by]:not(:checked)");
      other.checked = true;
      takeSide(other.value);
      value.focus();
    },
    F9: press,
    Escape() {
      if (value.value.trim()) byId("leave").showModal();
      else location.assign(document.querySelector("[data-leave]").href);
    },
  };
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open], .modal.in") || event.ctrlKey || event.altKey || event.metaKey) return;
    if (KEYS[event.key]) {
      event.preventDefault();
      if (!event.repeat) KEYS[event.key]();
    } else if (event.key === "Tab" && !event.shiftKey && event.target === value) {
      // What is asked next is what was handed over; the quick values stand one arrow below.
      event.preventDefault();
      byId("received").focus();
    } else if (event.key === "Tab" && event.shiftKey && event.target.id === "received") {
      event.preventDefault();
      value.focus();
    } else if (/^Arrow(Down|Up|Left|Right)$/.test(event.key)) walkChips(event);
  });
  // Down from the amount to the quick values, along them, and back up.
  function walkChips(event) {
    const chips = [...byId("quick").querySelectorAll(".chip:not([hidden])")];
    const at = chips.indexOf(event.target);
    if (at < 0 && !(event.target === value && event.key === "ArrowDown" && chips.length)) return;
    event.preventDefault();
    if (event.key === "ArrowUp") return value.focus();
    const forward = (event.key === "ArrowRight") !== (document.dir === "rtl") || event.key === "ArrowDown";
    chips[at < 0 ? 0 : Math.min(Math.max(at + (forward ? 1 : -1), 0), chips.length - 1)].focus();
  }
})();
