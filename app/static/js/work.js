// Bars of long work: ask how far it is, load the page when it has gone on. And files too large to send.
"use strict";
(function () {
  document.querySelectorAll("[data-share]").forEach((bar) => {
    if (!bar.classList.contains("endless")) bar.style.inlineSize = bar.dataset.share + "%";
  });
  document.querySelectorAll("[data-work]").forEach((bar) => {
    const fill = bar.querySelector(".progress > span"), words = bar.querySelector("[data-done]");
    const number = new Intl.NumberFormat(document.documentElement.lang || "en", { numberingSystem: "latn" });
    let pause = 700, lost = 0;
    async function look() {
      try {
        const answer = await fetch(bar.dataset.work, { credentials: "same-origin", headers: { Accept: "application/json" } });
        if (!answer.ok) { window.location.reload(); return; }
        const told = await answer.json();
        lost = 0;
        const before = bar.dataset.state;
        if (before && told.state !== before) { window.location.reload(); return; }
        if (told.total) {
          const share = Math.min(100, Math.floor((100 * told.done) / told.total));
          fill.classList.remove("endless");
          fill.style.inlineSize = share + "%";
          fill.parentElement.setAttribute("aria-valuenow", String(share));
          // Before the rows were counted the page had no sentence of them: figures alone, from the left in every language.
          words.textContent = (bar.dataset.words || "\u2066{done} / {total}\u2069")
            .replace("{done}", number.format(told.done)).replace("{total}", number.format(told.total));
        }
      } catch (error) {
        lost += 1;
      }
      pause = Math.min(3000, pause + 100 + 1000 * lost);
      setTimeout(look, pause);
    }
    setTimeout(look, pause);
  });
  const file = document.querySelector("input[type=file][data-most-mb]");
  if (file) {
    file.addEventListener("change", () => {
      const large = file.files[0] && file.files[0].size > Number(file.dataset.mostMb) * 1048576;
      const error = document.getElementById("file-error");
      error.hidden = !large;
      error.querySelector("span").textContent = large ? file.dataset.tooLarge : "";
      file.setAttribute("aria-invalid", String(Boolean(large)));
      file.form.querySelector("button.btn-primary").disabled = Boolean(large);
    });
  }
})();
