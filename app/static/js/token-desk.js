// After an answer the next token can be scanned or pasted over the last one.
"use strict";
(function () {
  const box = document.getElementById("token");
  // Where there is only a finger, the keyboard would cover the answer.
  if (box && box.value && window.matchMedia("(hover: hover)").matches && !document.querySelector("[aria-invalid='true']")) { box.focus({ preventScroll: true }); box.select(); }
})();
