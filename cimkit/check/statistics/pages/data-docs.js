// Stands in for the scripts that Great Expectations' pages fetch from elsewhere: what is folded opens.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-toggle=collapse]");
  const name = opener && (opener.dataset.target || opener.getAttribute("href"));
  if (!name || !/^[#.][\w-]+$/.test(name)) return;
  event.preventDefault();
  for (const target of document.querySelectorAll(name)) target.classList.toggle("show");
});
