// Small helps on top of pages that work without them.
(function () {
  "use strict";

  DKFDS.init();

  warnBeforeSignOut(document.getElementById("session-warning"));
  goToErrors(document.querySelector('[data-module="error-summary"]'));
  showWhatWasTyped();
  sendAgainByItself(document.querySelector("form[data-again-after]"));

  // Five minutes before the session ends (or at once, if less is left) a dialog offers to stay.
  function warnBeforeSignOut(dialog) {
    if (!dialog) return;
    const WARN_SECONDS = 300;
    const modal = new DKFDS.Modal(dialog);
    const left = dialog.querySelector("[data-time-left]");
    let endsAt = Date.now() + 1000 * Number(dialog.dataset.secondsLeft);

    dialog.querySelector("[data-stay]").addEventListener("submit", async function (event) {
      event.preventDefault();
      const body = new URLSearchParams(new FormData(event.target));
      const answer = await fetch(event.target.action, { method: "POST", body, headers: { Accept: "application/json" } });
      if (!answer.ok) return location.assign(dialog.dataset.signedOut);
      // By the server's clock, for ours may be wrong.
      endsAt = Date.now() + Date.parse((await answer.json()).ends_at) - Date.parse(answer.headers.get("Date"));
      modal.hide();
    });
    setInterval(function () {
      const seconds = Math.round((endsAt - Date.now()) / 1000);
      const open = dialog.getAttribute("aria-hidden") === "false";
      // Not a moment early: to ask for a page is a sign of life, and the session would go on.
      if (seconds < 0) location.assign(dialog.dataset.signedOut);
      else if (seconds <= WARN_SECONDS && !open) modal.show();
      left.textContent = Math.floor(Math.max(seconds, 0) / 60) + ":" + String(Math.max(seconds, 0) % 60).padStart(2, "0");
    }, 1000);
  }

  // A screen reader and the keyboard begin at what is wrong.
  function goToErrors(summary) {
    if (!summary) return;
    summary.tabIndex = -1;
    summary.focus();
  }

  // Back to a form shows it as it was sent, unless it is done: the browser keeps nothing of a confidential page.
  function showWhatWasTyped() {
    const [visit] = performance.getEntriesByType("navigation");
    const address = new URL(location.href);
    if (!visit || visit.type !== "back_forward" || address.searchParams.has("formular")) return;
    if (!document.querySelector('main form[method="post"]')) return;
    address.searchParams.set("formular", "seneste");
    location.replace(address);
  }

  // A page that waits for an answer asks again by itself; the same key makes that harmless.
  function sendAgainByItself(form) {
    if (form) setTimeout(function () { form.submit(); }, 1000 * Number(form.dataset.againAfter));
  }
})();
