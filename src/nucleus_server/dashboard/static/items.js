"use strict";

// The image of an item is zoomed and panned here; without this script, links and scroll bars do the same in steps.
const MOST_ZOOM = 16;
const STEP = 1.25;

function viewImage(stage) {
  const image = stage.querySelector("img");
  if (!image) return;
  const shown = document.getElementById("zoom-now");
  const [x, y] = (stage.dataset.at || "0.5,0.5").split(",").map(Number);
  let zoom = Number(stage.dataset.zoom) || 1;
  let waiting = 0;

  function fittedWidth() {
    const ratio = image.naturalWidth / image.naturalHeight || 1;
    const tallest = 0.78 * innerHeight * ratio;
    return Math.min(Math.max(image.naturalWidth, 320), stage.clientWidth, tallest);
  }

  // The point of the image that stands at a place of the frame, as shares of its width and height.
  function pointAt(left, top) {
    return [
      (stage.scrollLeft + left - image.offsetLeft) / image.clientWidth,
      (stage.scrollTop + top - image.offsetTop) / image.clientHeight,
    ];
  }

  function middle() { return [stage.clientWidth / 2, stage.clientHeight / 2]; }

  function draw(point, place) {
    const width = fittedWidth() * zoom;
    Object.assign(image.style, { width: `${width}px`, maxWidth: "none", maxHeight: "none", minWidth: "0" });
    const [left, top] = place ?? middle();
    stage.scrollLeft = point[0] * image.clientWidth + image.offsetLeft - left;
    stage.scrollTop = point[1] * image.clientHeight + image.offsetTop - top;
    shown.textContent = `${Math.round(100 * zoom)} % of fitted`;
    for (const link of document.querySelectorAll("a[data-zoom]")) {
      link.toggleAttribute("aria-current", Number(link.dataset.zoom) === zoom);
      if (Number(link.dataset.zoom) === zoom) link.setAttribute("aria-current", "true");
    }
    keep();
  }

  function zoomTo(next, place) {
    const there = place ?? middle();
    const point = pointAt(...there);
    zoom = Math.min(Math.max(next, 1), MOST_ZOOM);
    if (Math.abs(zoom - 1) < 0.01) zoom = 1;
    draw(point, there);
  }

  // What is seen is part of the address, and of the links to the neighbours.
  function keep() {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const point = pointAt(...middle()).map((share) => Math.min(Math.max(share, 0), 1).toFixed(3));
      const withView = (href) => {
        const url = new URL(href, location.href);
        url.searchParams.delete("zoom");
        url.searchParams.delete("at");
        if (zoom !== 1) {
          url.searchParams.set("zoom", String(Number(zoom.toFixed(3))));
          url.searchParams.set("at", point.join(","));
        }
        return url.href;
      };
      history.replaceState(history.state, "", withView(location.href));
      for (const link of document.querySelectorAll("a[data-keeps-view]")) link.href = withView(link.href);
    }, 150);
  }

  function placeOf(event) {
    const frame = stage.getBoundingClientRect();
    return [event.clientX - frame.left - stage.clientLeft, event.clientY - frame.top - stage.clientTop];
  }

  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls as ever
    event.preventDefault();
    zoomTo(zoom * Math.exp(-event.deltaY / 400), placeOf(event));
  }, { passive: false });
  stage.addEventListener("dblclick", (event) => zoomTo(zoom * 2, placeOf(event)));
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") zoomTo(zoom * STEP);
    else if (event.key === "-" || event.key === "_") zoomTo(zoom / STEP);
    else if (event.key === "0") zoomTo(1);
    else return;
    event.preventDefault();
  });
  let held = null;
  stage.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" || event.button !== 0) return; // fingers scroll by themselves
    held = [event.clientX + stage.scrollLeft, event.clientY + stage.scrollTop];
    stage.setPointerCapture(event.pointerId);
    stage.classList.add("held");
  });
  stage.addEventListener("pointermove", (event) => {
    if (!held) return;
    stage.scrollLeft = held[0] - event.clientX;
    stage.scrollTop = held[1] - event.clientY;
  });
  for (const name of ["pointerup", "pointercancel"]) {
    stage.addEventListener(name, () => { held = null; stage.classList.remove("held"); });
  }
  stage.addEventListener("scroll", keep);
  image.addEventListener("dragstart", (event) => event.preventDefault());
  for (const link of document.querySelectorAll("a[data-zoom]")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      zoomTo(Number(link.dataset.zoom));
    });
  }
  addEventListener("resize", () => draw(pointAt(...middle())));
  stage.classList.add("live");
  if (image.complete && image.naturalWidth) draw([x, y]);
  else image.addEventListener("load", () => draw([x, y]), { once: true });
}

for (const stage of document.querySelectorAll(".stage[data-zoom]")) viewImage(stage);

// Boxes of a list are ticked all at once, and the button says how many are.
function countTicked(form) {
  const boxes = [...document.querySelectorAll(`input[type=checkbox][form="${form.id}"]`)];
  const ticked = boxes.filter((box) => box.checked).length;
  const all = document.querySelector(`input[data-ticks="${form.id}"]`);
  if (all) {
    all.checked = boxes.length > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }
  for (const place of document.querySelectorAll(`[data-ticked="${form.id}"]`)) place.textContent = ticked ? ` (${ticked} now)` : "";
}

document.addEventListener("change", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLInputElement) || box.type !== "checkbox") return;
  const formId = box.dataset.ticks ?? box.getAttribute("form");
  const form = formId && document.getElementById(formId);
  if (!form) return;
  if (box.dataset.ticks) {
    for (const each of document.querySelectorAll(`input[type=checkbox][form="${formId}"]`)) each.checked = box.checked;
  }
  countTicked(form);
});
