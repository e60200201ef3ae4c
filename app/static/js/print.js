// A page that can be printed has a button for it where there is a script.
(() => {
  "use strict";
  document.querySelectorAll("[data-print-page]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  });
})();
