// A new password's strength in words while it is typed; the server judges in the end. And printing of codes.
"use strict";
(function () {
  const common = ["password", "passwort", "motdepasse", "qwerty", "azerty", "letmein", "welcome", "changeme", "admin", "vending", "prepaid", "electricity"];
  document.querySelectorAll("[data-strength]").forEach((told) => {
    const field = document.getElementById(told.dataset.strength), words = told.querySelector("span"), icon = told.querySelector("i");
    const advice = words.textContent;
    const own = told.dataset.own.toLowerCase().split(" ").filter((part) => part.length > 3);
    function judged(text) {
      const plain = text.toLowerCase(), signs = Array.from(plain);
      if (signs.length < Number(told.dataset.least)) return ["short", "warn"];
      if (new Set(signs).size < 5 || common.some((word) => plain.includes(word) && signs.length < word.length + 8)) return ["easy", "bad"];
      if (own.some((part) => plain.includes(part))) return ["ownWords", "bad"];
      return signs.length >= 18 || plain.trim().split(/\s+/).length >= 4 ? ["strong", "ok"] : ["fair", "ok"];
    }
    field.addEventListener("input", () => {
      const [word, tone] = field.value ? judged(field.value) : ["", ""];
      words.textContent = word ? told.dataset[word] : advice;
      told.dataset.tone = tone;
      icon.className = "fa " + { ok: "fa-circle-check", warn: "fa-circle-info", bad: "fa-triangle-exclamation", "": "fa-circle-info" }[tone];
    });
  });
  document.querySelectorAll("[data-print]").forEach((button) => button.addEventListener("click", () => window.print()));
})();
