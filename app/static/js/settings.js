// Settings: the example under the settlement follows the currency and the method that are chosen.
// Every sentence comes ready from the server; without this file the stored choice is shown.
"use strict";
(() => {
  const shown = document.getElementById("settled");
  if (!shown) return;
  const examples = JSON.parse(shown.dataset.examples);
  const chosen = ["currency", "settlement"].map((id) => document.getElementById(id));
  const show = () => {
    shown.lastElementChild.textContent = examples[chosen.map((field) => field.value).join(" ")] || "";
  };
  chosen.forEach((field) => field.addEventListener("change", show));
})();
