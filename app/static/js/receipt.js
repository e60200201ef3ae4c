// After the sale: print (counted first), copy, the next customer.
"use strict";
(() => {
  const printing = document.querySelector("[data-printing]");
  const copy = document.querySelector("[data-copy]");
  const next = document.querySelector("[data-new]");

  async function print() {
    const button = printing.querySelector("button");
    if (button.hasAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(printing.action, { method: "POST", body: new FormData(printing), headers: { Accept: "application/json" } });
      if (!answer.ok) return location.reload();
      const { copy: number } = await answer.json();
      const mark = document.querySelector("[data-copy-mark]");
      mark.hidden = !number;
      mark.querySelector("[data-copy-number]").textContent = number || "";
      window.print();
      next.focus();
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  if (printing) {
    printing.addEventListener("submit", (event) => {
      event.preventDefault();
      print();
    });
    if (printing.hasAttribute("data-now")) window.print();
  }
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(copy.dataset.copy);
      copy.querySelector("[data-word]").textContent = copy.dataset.copied;
    });
  }
  const now = document.querySelector("[data-print-now]");
  now?.addEventListener("click", () => window.print());
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open], .modal.in") || event.repeat) return;
    if (event.key === "F8") {
      event.preventDefault();
      if (printing) print();
      else if (now) window.print();
      else document.querySelector("[data-print]")?.click();
    } else if (event.key === "Escape" && next) location.assign(next.href);
  });
})();
