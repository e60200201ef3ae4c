// The keypad of a training meter: its keys, the keyboard's digits wherever the focus is, the digits on the display.
"use strict";
(function () {
  const form = document.querySelector("[data-keypad]");
  if (!form) return;
  const box = form.querySelector("#token");
  const display = document.querySelector("[data-typed]");
  const MOST = 20;
  const western = (text) => text.replace(/[\u0660-\u0669\u06f0-\u06f9\uff10-\uff19]/g, (digit) => digit.charCodeAt(0) & 15);
  const bare = (text) => western(text).replace(/[^0-9]/g, "").slice(0, MOST);
  const grouped = (digits) => digits.replace(/(.{4})(?=.)/g, "$1 ");

  function show() { display.textContent = grouped(bare(box.value)); }
  function put(digits) { box.value = grouped(digits.slice(0, MOST)); box.removeAttribute("aria-invalid"); show(); }
  function press(key) { put(key === "back" ? bare(box.value).slice(0, -1) : bare(box.value) + key); }

  form.querySelector(".keypad").hidden = false;
  form.addEventListener("click", (event) => {
    const key = event.target.closest("[data-key]");
    if (key) press(key.dataset.key);
  });
  // What was typed or pasted into the field shows on the display; the field itself is left to the typist.
  box.addEventListener("input", show);
  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (target.matches("input, select, textarea")) return;
    if (/^[0-9]$/.test(western(event.key))) { event.preventDefault(); press(western(event.key)); }
    else if (event.key === "Backspace") { event.preventDefault(); press("back"); }
    else if (event.key === "Enter" && !target.closest("a, button, summary") && bare(box.value)) form.requestSubmit();
  });
  document.querySelectorAll("[data-fill]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => {
      put(button.dataset.fill);
      form.querySelector(".keypad .btn-primary").focus({ preventScroll: true });
      display.scrollIntoView({ block: "nearest" });
    });
  });
  if (box.value) show();
  // Where there is only a finger, the keyboard would cover the keypad.
  if (window.matchMedia("(hover: hover)").matches && !document.querySelector("[aria-invalid='true']")) box.focus({ preventScroll: true });
})();
