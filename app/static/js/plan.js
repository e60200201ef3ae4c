// The plan page: rows of steps and fines come and go without asking the server, and "From"
// follows the row above.  Without this script the empty rows at the end do the same.
(() => {
  "use strict";
  const form = document.querySelector("[data-plan-form]");
  if (!form) return;

  const rowsOf = (box) => [...box.querySelectorAll("[data-row]")];
  const inputs = (row) => [...row.querySelectorAll("input")];
  const blank = (row) => inputs(row).every((input) => input.value.trim() === "");

  function follow(box) {
    const rows = rowsOf(box);
    rows.forEach((row, number) => {
      const from = number === 0 ? "0" : inputs(rows[number - 1])[0].value.trim();
      row.querySelector("[data-from] bdi").textContent = from || "…";
      row.querySelector("[data-row-drop]").hidden = rows.length === 1;
      inputs(row)[0].placeholder = number === rows.length - 1 ? box.dataset.open : "";
    });
    const add = form.querySelector(`[data-row-add="${box.dataset.rows}"]`);
    add.disabled = rows.length >= Number(box.dataset.most);
  }

  function renumber(box) {
    rowsOf(box).forEach((row, number) => {
      row.querySelectorAll("[name]").forEach((input) => {
        input.name = input.name.replace(/-\d+-/, `-${number}-`);
        input.id = input.id.replace(/-\d+-/, `-${number}-`);
      });
    });
  }

  function add(box) {
    const rows = rowsOf(box);
    if (rows.length >= Number(box.dataset.most)) return;
    const row = rows[rows.length - 1].cloneNode(true);
    inputs(row).forEach((input) => {
      input.value = "";
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    });
    row.querySelectorAll(".error").forEach((error) => error.remove());
    box.append(row);
    renumber(box);
    follow(box);
    inputs(row)[0].focus();
  }

  form.querySelectorAll("[data-rows]").forEach((box) => {
    // The empty rows are for those without a script: one is enough for a first step, none for fines.
    rowsOf(box).reverse().forEach((row) => {
      const alone = rowsOf(box).length === 1;
      if (blank(row) && !alone && !row.querySelector(".error")) row.remove();
    });
    follow(box);
    box.addEventListener("input", () => follow(box));
    box.addEventListener("click", (event) => {
      const drop = event.target.closest("[data-row-drop]");
      if (!drop) return;
      drop.closest("[data-row]").remove();
      renumber(box);
      follow(box);
    });
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      add(box);
    });
  });

  form.querySelectorAll("[data-row-add]").forEach((button) => {
    button.type = "button";
    button.addEventListener("click", () => add(form.querySelector(`[data-rows="${button.dataset.rowAdd}"]`)));
  });

  // The share counts only where fees are taken up to it.
  const recovery = form.querySelector("[name=fee_recovery]");
  const share = form.querySelector("[name=fee_cap_share]").closest(".field");
  const showShare = () => {
    share.hidden = recovery.value !== "capped";
  };
  recovery.addEventListener("change", showShare);
  showShare();
})();
