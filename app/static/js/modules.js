// The connect test without leaving the page, so that a typed password and a chosen file stay.
// Without this script the form is sent as any other and only these are asked for again.
(() => {
  "use strict";
  const KEEPS = "input[type=password], input[type=file]";

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const button = event.submitter;
    if (event.defaultPrevented || form.plain || !form.matches("[data-test-form]")) return;
    if (!button || button.name !== "act" || button.value === "save") return;
    event.preventDefault();
    form.sent = true;
    button.setAttribute("aria-busy", "true");
    const data = new FormData(form);
    data.append(button.name, button.value);
    let page = null;
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, headers: { "X-Requested-With": "fetch" } });
      if (answer.status === 200 || answer.status === 422) {
        page = new DOMParser().parseFromString(await answer.text(), "text/html");
      }
    } catch {
      page = null;
    }
    const fresh = page && page.querySelector("form[data-test-form]");
    if (!fresh) { // the session is over, or the server is away: let the browser show what there is
      form.sent = false;
      form.plain = true;
      form.requestSubmit(button);
      return;
    }
    form.querySelectorAll(KEEPS).forEach((old) => {
      const next = fresh.querySelector("#" + CSS.escape(old.id));
      if (!next) return;
      if (old.type === "file") next.replaceWith(old);
      else next.value = old.value;
    });
    const steps = [document.querySelector(".two-steps"), page.querySelector(".two-steps")];
    if (steps[0] && steps[1]) steps[0].replaceWith(document.adoptNode(steps[1]));
    form.replaceWith(document.adoptNode(fresh));
    const wrong = fresh.querySelector("[aria-invalid=true]");
    const goes = wrong || fresh.querySelector("#trial");
    if (goes) { goes.focus({ preventScroll: true }); goes.scrollIntoView({ block: "nearest" }); }
  });
})();
