// The counter's search: cards while typing, arrows between them, a scanner's Enter, numbers in groups.
// Without this file the form still finds (GET); the server decides what is found.
"use strict";
(() => {
  const seek = document.querySelector("[data-seek]");
  if (!seek) return;
  const input = seek.querySelector("#q");
  const found = () => document.getElementById("found");
  const links = () => [...document.querySelectorAll("[data-buy]")];
  // Arabic, Persian and full-width digits are the same numbers.
  const western = (text) => text.replace(/[\u0660-\u0669\u06f0-\u06f9\uff10-\uff19]/g, (digit) => digit.charCodeAt(0) & 15);
  const digitsOf = (text) => western(text).replace(/[\s-]/g, "");

  function groupDigits() {
    const number = /^[0-9]{2,13}$/.test(digitsOf(input.value));
    input.classList.toggle("is-number", number);
    if (!number || input.selectionStart !== input.value.length) return;
    const digits = digitsOf(input.value);
    input.value = [digits.slice(0, 4), digits.slice(4, 8), digits.slice(8)].filter(Boolean).join(" ");
  }

  function sayWrong(sentence) {
    document.getElementById("q-error")?.remove();
    if (sentence) {
      const line = document.createElement("p");
      line.className = "error seek-error";
      line.id = "q-error";
      line.setAttribute("role", "alert");
      line.textContent = sentence;
      seek.insertAdjacentElement("afterend", line);
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", "q-error");
    } else {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    }
  }

  let asking = null;
  let retry = 0;
  let unreached = false;

  function sayUnreached() {
    unreached = true;
    sayWrong(seek.dataset.offline);
    clearTimeout(retry);
    retry = setTimeout(find, 3000);
  }
  addEventListener("online", () => { if (unreached) find(); });

  // Whether the cards are those of what was typed now: a later question takes the place of this one.
  async function find() {
    if (!found()) return false;
    clearTimeout(retry);
    asking?.abort();
    const mine = (asking = new AbortController());
    try {
      const answer = await fetch(`${seek.dataset.cards}?q=${encodeURIComponent(input.value.trim())}`, { signal: mine.signal });
      if (answer.status === 401 || answer.redirected) {
        location.reload();
        return false;
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const cards = page.getElementById("found");
      if (!cards) {
        sayUnreached();
        return false;
      }
      unreached = false;
      found().replaceWith(cards);
      seek.querySelector("[data-count]").textContent = cards.dataset.say;
      sayWrong(cards.dataset.refused);
      return true;
    } catch (error) {
      if (error.name !== "AbortError") sayUnreached();
      return false;
    } finally {
      if (asking === mine) asking = null;
    }
  }

  let rest = 0;
  input.addEventListener("input", () => {
    groupDigits();
    clearTimeout(rest);
    rest = setTimeout(find, 120);
  });
  groupDigits();

  seek.addEventListener("submit", async (event) => {
    clearTimeout(rest);
    const digits = digitsOf(input.value);
    const cards = found() ? [...document.querySelectorAll(".meter-card .digits")] : [];
    // A scanner sends the whole number and Enter before any card is there.
    if (/^([0-9]{11}|[0-9]{13})$/.test(digits) && cards.every((card) => digitsOf(card.textContent) === digits)) {
      event.preventDefault();
      location.assign(seek.dataset.meter + digits);
    } else if (found()) {
      event.preventDefault();
      // NB: a second Enter overtakes the first, whose cards would be somebody else's.
      if ((await find()) && links().length) location.assign(links()[0].href);
    }
  });

  function move(step) {
    const all = links();
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    if (at === 0 && step < 0) return input.focus();
    document.querySelectorAll(".meter-card.chosen").forEach((card) => card.classList.remove("chosen"));
    // From the search the first arrow goes to the second card: the first is chosen already.
    const next = at < 0 ? (step > 0 ? Math.min(1, all.length - 1) : 0) : at + step;
    all[Math.min(Math.max(next, 0), all.length - 1)].focus();
  }

  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open], .modal.in") || event.ctrlKey || event.altKey || event.metaKey) return;
    const typing = event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
    const mine = event.target === input || event.target.matches("[data-buy]") || event.target === document.body;
    if (event.key === "ArrowDown" && mine && links().length) { event.preventDefault(); move(1); }
    else if (event.key === "ArrowUp" && mine && links().length) { event.preventDefault(); move(-1); }
    else if (event.key === "Escape" && found()) { input.value = ""; groupDigits(); input.focus(); find(); }
    else if (document.documentElement.dataset.singleKeys === "off") return;
    else if (event.key === "/" && !typing) { event.preventDefault(); input.focus(); input.select(); }
    else if (/^\p{Nd}$/u.test(event.key) && !typing && !document.getElementById("ask")) input.focus();
    else if (event.key === "?" && (!typing || (event.target === input && !input.value) || event.target.inputMode === "decimal")) { event.preventDefault(); document.getElementById("keys")?.showModal(); }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys]")) document.getElementById("keys")?.showModal();
    else if (event.target.closest("dialog [data-close]")) event.target.closest("dialog").close();
  });
})();
