// Says so when the server no longer answers, since what stands here may be old then.
"use strict";

const lost = document.getElementById("lost");

document.addEventListener("htmx:sendError", () => {
  lost.textContent = "Nobody answers any more: this is how it was when somebody last did.";
  lost.className = "lost";
});
document.addEventListener("htmx:afterOnLoad", () => {
  lost.textContent = "";
  lost.className = "";
});
