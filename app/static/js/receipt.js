// After the sale: print (counted first), send, copy, the next customer. Nothing of it is needed to read or send the page.
"use strict";
(() => {
  const printing = document.querySelector("[data-printing]");
  const copy = document.querySelector("[data-copy]");
  const next = document.querySelector("[data-new]");
  const search = document.querySelector("[data-seek] #q");

  function told(number) {
    const mark = document.querySelector("[data-copy-mark]");
    if (mark) {
      mark.hidden = !number;
      mark.querySelector("[data-copy-number]").textContent = number || "";
      if (number) document.querySelector("[data-copy-page]").media = "all"; // longer by the mark
    }
    const line = document.querySelector("[data-counted]");
    if (line) {
      line.textContent = number ? line.dataset.again.replace("#", number) : line.dataset.first;
      line.hidden = false;
    }
  }

  async function print() {
    const button = printing.querySelector("button");
    if (button.hasAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(printing.action, { method: "POST", body: new FormData(printing), headers: { Accept: "application/json" } });
      if (!answer.ok) return location.reload();
      told((await answer.json()).copy);
      window.print();
      (search || next)?.focus();
    } catch {
      printing.submit(); // no answer: the browser says so on a page of its own, with the way back
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

  // A telephone hands the file to its own list of ways to send; elsewhere the form saves it.
  document.querySelector("[data-send]")?.addEventListener("submit", async (event) => {
    const form = event.currentTarget;
    const trial = new File([""], "receipt.pdf", { type: "application/pdf" });
    if (!matchMedia("(hover: none)").matches || !navigator.canShare?.({ files: [trial] })) return;
    event.preventDefault();
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
      if (!answer.ok) return location.reload();
      const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") || "")?.[1] || "receipt.pdf";
      await navigator.share({ files: [new File([await answer.blob()], name, { type: "application/pdf" })] });
    } catch (error) {
      if (error.name !== "AbortError") form.submit();
    }
  });

  // A sale that waits: ask now and then, and show the real slip when its token has come.
  const waits = document.querySelector("[data-waits]");
  if (waits) {
    const ask = async () => {
      try {
        const answer = await fetch(waits.dataset.waits, { headers: { Accept: "application/json" } });
        const status = answer.ok ? (await answer.json()).status : "reserved";
        if (status !== "reserved" && !search?.value) return location.reload();
      } catch { /* no network: asked again */ }
      setTimeout(ask, 5000);
    };
    setTimeout(ask, 5000);
  }

  const now = document.querySelector("[data-print-now]");
  now?.addEventListener("click", () => window.print());
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open], .modal.in") || event.repeat) return;
    if (event.key === "F8") {
      event.preventDefault();
      if (printing) print();
      else if (now) window.print();
    } else if (event.key === "Escape" && next) location.assign(next.href);
  });
})();
