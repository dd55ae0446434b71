// Computes the fingerprint of a text or a file here, and asks for nothing but that.
"use strict";

// What is digested is in memory as a whole.
const MOST_BYTES = 2 ** 30;

const said = document.getElementById("said");

function hex(digest) {
  return Array.from(new Uint8Array(digest), (one) => one.toString(16).padStart(2, "0")).join("");
}

async function lookUp(bytes) {
  if (!window.crypto?.subtle) {
    said.textContent =
      "This browser computes fingerprints only over https or on this machine; use origin trace.";
    return;
  }
  location.assign("/samples/" + hex(await crypto.subtle.digest("SHA-256", bytes)));
}

async function lookUpFile(file) {
  if (!file) return;
  if (file.size > MOST_BYTES) {
    said.textContent = "This file is larger than 1 GiB; use origin trace --file.";
    return;
  }
  said.textContent = "Reading " + file.name;
  try {
    await lookUp(await file.arrayBuffer());
  } catch (error) {
    said.textContent = "This cannot be read: " + error.message;
  }
}

if (said) {
  document.getElementById("by-text").addEventListener("submit", (event) => {
    event.preventDefault();
    lookUp(new TextEncoder().encode(document.getElementById("text").value));
  });
  document.getElementById("file").addEventListener("change", (event) => {
    lookUpFile(event.target.files[0]);
  });
  // Back from an answer, the same file can be chosen again.
  window.addEventListener("pageshow", () => {
    document.getElementById("file").value = "";
  });
  document.getElementById("by-file").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    lookUpFile(event.dataTransfer.files[0]);
  });
}
