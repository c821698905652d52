// Everything works without this file; it only saves a step.
"use strict";

// Ask the desk for a piece of HTML a moment after the last key, and show it in `place`.
function ask(input, place, path, name, least) {
  let timer = 0;
  let latest = 0;
  const now = async () => {
    const words = input.value.trim();
    const turn = ++latest;
    let html = "";
    if (words.length >= least) {
      try {
        const answer = await fetch(`${path}?${new URLSearchParams({ [name]: words })}`, { credentials: "same-origin" });
        html = answer.ok ? await answer.text() : "";
      } catch {
        html = "";
      }
    }
    if (turn === latest) place.innerHTML = html;
  };
  return (delay) => {
    clearTimeout(timer);
    timer = setTimeout(now, delay);
  };
}

const address = document.querySelector("input[data-check]");
if (address) {
  const place = document.getElementById("address-check");
  const check = ask(address, place, address.dataset.check, "address", 3);
  address.addEventListener("input", () => check(600));
  address.addEventListener("change", () => check(0));
  place.addEventListener("click", (event) => {
    const use = event.target.closest("[data-use]");
    if (!use) return;
    address.value = use.dataset.use;
    place.textContent = "";
    address.focus();
  });
}

const subject = document.querySelector("input[data-suggest]");
if (subject) {
  const suggest = ask(subject, document.getElementById("suggestions"), subject.dataset.suggest, "q", 4);
  subject.addEventListener("input", () => suggest(400));
}

// Whoever uses a keyboard or a screen reader hears first what was wrong.
document.getElementById("summary")?.focus();
