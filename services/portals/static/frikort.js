// Small helps on top of pages that work without them.
(function () {
  "use strict";

  DKFDS.init();

  followSession(document.getElementById("session-warning"));
  goToErrors(document.querySelector('[data-module="error-summary"]'));
  showWhatWasTyped();
  sendAgainByItself(document.querySelector("form[data-again-after]"));

  // Five minutes before the session ends (or at once, if less is left) a dialog offers to stay.
  // Tabs share one session: the server says when it ends, and another tab may have extended or ended it.
  function followSession(dialog) {
    if (!dialog) return;
    const WARN_SECONDS = 300;
    const ASK_SECONDS = 15;
    const modal = new DKFDS.Modal(dialog);
    const left = dialog.querySelector("[data-time-left]");
    let endsAt = Date.now() + 1000 * Number(dialog.dataset.secondsLeft);
    let edited = null;
    let askAfter = 0;
    let leaving = false;

    document.addEventListener("input", function (event) { edited = event.target.form || edited; });
    document.addEventListener("visibilitychange", function () { if (!document.hidden) ask(); });

    dialog.querySelector("[data-stay]").addEventListener("submit", async function (event) {
      event.preventDefault();
      const body = new URLSearchParams(new FormData(event.target));
      await follow(fetch(event.target.action, { method: "POST", body, headers: { Accept: "application/json" } }));
      show();
    });
    setInterval(show, 1000);

    async function show() {
      if (secondsLeft() <= WARN_SECONDS && Date.now() >= askAfter) await ask();
      const seconds = Math.max(secondsLeft(), 0);
      const open = dialog.getAttribute("aria-hidden") === "false";
      if (seconds > WARN_SECONDS) { if (open) modal.hide(); } else if (!open) modal.show();
      left.textContent = Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
    }

    function secondsLeft() {
      return Math.round((endsAt - Date.now()) / 1000);
    }

    // This request does not extend the session.
    async function ask() {
      askAfter = Date.now() + 1000 * (secondsLeft() > ASK_SECONDS ? ASK_SECONDS : 1);
      await follow(fetch("/login/session", { headers: { Accept: "application/json", "HX-Request": "true" } }));
    }

    // Without a response the page stays: what is typed on it cannot be kept now.
    async function follow(request) {
      const answer = await request.catch(function () { return null; });
      if (!answer) return;
      const end = answer.ok ? (await answer.json()).ends_at : null;
      // By the server's clock, for ours may be wrong.
      if (end) endsAt = Date.now() + Date.parse(end) - Date.parse(answer.headers.get("Date"));
      else if ((answer.ok || answer.status === 401) && !leaving) { leaving = true; signedOut(); }
    }

    // What was typed is sent to be kept for the person; nothing is done with it.
    function signedOut() {
      const form = [edited, ...document.querySelectorAll("main form[data-typed]")].find(isOfPage);
      if (!form) return location.assign(dialog.dataset.signedOut);
      const page = form.getAttribute("action") || location.pathname + location.search;
      for (const input of form.querySelectorAll("input[type=file]")) input.disabled = true;
      form.setAttribute("enctype", "application/x-www-form-urlencoded");
      form.setAttribute("action", "/logget-af?" + new URLSearchParams({ next: page }));
      HTMLFormElement.prototype.submit.call(form);
    }

    function isOfPage(form) {
      return form && form.getAttribute("method") === "post" && form.closest("main");
    }
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
