const cards = [...document.querySelectorAll(".card")], search = document.getElementById("search");
const boxes = [...document.querySelectorAll(".filters input[type=checkbox]")];
const texts = new Map(cards.map(c => [c, c.textContent.toLowerCase()]));
search.closest("label").hidden = false;
document.querySelector(".filters").addEventListener("submit", e => e.preventDefault());
function choose() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = new Set(boxes.filter(b => b.checked).map(b => b.id.slice(5)));
  let count = 0;
  for (const c of cards) {
    c.hidden = !words.every(w => texts.get(c).includes(w));
    if (!c.hidden && [...shown].some(v => c.classList.contains(v))) count++;
  }
  for (const s of document.querySelectorAll("section"))
    s.hidden = ![...s.querySelectorAll(".card")].some(c => !c.hidden && [...shown].some(v => c.classList.contains(v)));
  document.getElementById("nothing").hidden = count > 0;
  document.getElementById("found").value = count < cards.length ? `${count} of ${cards.length}` : "";
}
search.addEventListener("input", choose);
boxes.forEach(b => b.addEventListener("change", choose));
function reveal() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let d = target; d; d = d.parentElement) {
    if (d.tagName === "DETAILS") d.open = true;
    if (d.classList.contains("card")) { search.value = ""; boxes.forEach(b => b.checked = true); choose(); }
  }
  target.scrollIntoView();
}
addEventListener("hashchange", reveal);
reveal();
choose();
addEventListener("beforeprint", () => document.querySelectorAll(".formulas, .meaning").forEach(d => { d.dataset.was = d.open; d.open = true; }));
addEventListener("afterprint", () => document.querySelectorAll("[data-was]").forEach(d => { d.open = d.dataset.was === "true"; }));
