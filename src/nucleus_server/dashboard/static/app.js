"use strict";

// Charts take their colours from the stylesheet, so that they follow the theme.
function chartConfig() {
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue(name).trim();
  const axis = {
    domainColor: value("--line"), gridColor: value("--line"), tickColor: value("--line"),
    labelColor: value("--muted"), titleColor: value("--text"), labelFontSize: 12, titleFontSize: 12,
    titleFontWeight: 500, gridOpacity: 0.6,
  };
  return {
    background: value("--card"), font: value("--font"), axis,
    legend: { labelColor: value("--text"), labelFontSize: 12, orient: "top" },
    view: { stroke: "transparent" },
    range: {
      category: [value("--pass"), value("--fail"), value("--none")],
      heatmap: [value("--accent-soft"), value("--accent")],
    },
    area: { color: value("--accent") }, text: { color: value("--muted"), fontSize: 12 },
    bar: { color: value("--accent") }, line: { color: value("--muted") }, point: { color: value("--accent") },
    rule: { color: value("--text") }, tick: { color: value("--text") },
  };
}

// The expression interpreter (`ast`) needs no eval, and the styles are in our own file: the page's policy allows neither.
function drawCharts(within = document) {
  for (const place of within.querySelectorAll("[data-spec]")) {
    const spec = JSON.parse(document.getElementById(place.dataset.spec).textContent);
    vegaEmbed(place, spec, {
      actions: false, ast: true, renderer: "svg", defaultStyle: false, config: chartConfig(),
      tooltip: { disableDefaultStyle: true, theme: "page" },
    }).then(({ view }) => {
      const image = place.closest("[role=img]") ?? place;
      const title = (image.getAttribute("aria-label") ?? document.title).split(". ")[0];
      offerPictures(image, title, () => view.toSVG());
      place.dispatchEvent(new CustomEvent("chart:drawn", { bubbles: true, detail: view }));
    }).catch((error) => {
      place.textContent = "This chart cannot be drawn; its numbers are below.";
      console.error(error);
    });
  }
}

// Charts can be taken away as pictures, as they look now: SVG as it is, PNG at twice the size.
function offerPictures(chart, title, svgText) {
  if (chart.nextElementSibling?.matches(".save")) chart.nextElementSibling.remove(); // it was drawn again
  const row = document.createElement("p");
  row.className = "aside save";
  for (const kind of ["SVG", "PNG"]) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = kind;
    button.setAttribute("aria-label", `Save as ${kind}: ${title}`);
    button.addEventListener("click", async () => {
      const link = document.createElement("a");
      const image = `data:image/svg+xml,${encodeURIComponent(await svgText())}`;
      link.href = kind === "SVG" ? image : await pngOf(image);
      link.download = `${title.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 60) || "chart"}.${kind.toLowerCase()}`;
      link.click();
    });
    row.append(button, " ");
  }
  chart.after(row);
}

async function pngOf(svgAddress) {
  const image = new Image();
  image.src = svgAddress;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = 2 * image.naturalWidth;
  canvas.height = 2 * image.naturalHeight;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png");
}

// A drawing of the page without its stylesheet: what that says of the paint becomes part of the drawing.
const PAINT = ["fill", "stroke", "stroke-width", "font-family", "font-size", "text-anchor", "paint-order"];
function paintedSvg(svg) {
  const copy = svg.cloneNode(true);
  const copies = [copy, ...copy.querySelectorAll("*")];
  [svg, ...svg.querySelectorAll("*")].forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const name of PAINT) copies[i].setAttribute(name, style.getPropertyValue(name));
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", svg.getBoundingClientRect().width);
  return new XMLSerializer().serializeToString(copy);
}

for (const svg of document.querySelectorAll("svg.intervals.large")) {
  offerPictures(svg, document.querySelector("h1").textContent, () => paintedSvg(svg));
}

if (window.vegaEmbed) {
  drawCharts();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawCharts());
  // A part that was loaded later may hold charts; those that are drawn already stay as they are.
  document.addEventListener("htmx:after:swap", () => {
    for (const place of document.querySelectorAll("[data-spec]:empty")) drawCharts(place.parentElement);
  });
}

// An image that does not load says so in its place, as those do that a page knows it cannot show.
function explainMissing(image) {
  const link = image.closest("a");
  const open = document.createElement("a");
  Object.assign(open, { href: image.currentSrc || image.src, target: "_blank", rel: "noreferrer noopener", textContent: "Open the original" });
  const summary = document.createElement("summary");
  summary.textContent = "⊘ not loaded";
  const reason = document.createElement("p");
  reason.append(
    "The browser could not load this image: it is gone (404), access to it was refused, or it is no image that browsers show. ",
    open,
  );
  const details = document.createElement("details");
  details.append(summary, reason);
  details.open = image.closest(".stage") !== null;
  const place = document.createElement("div");
  place.className = "placeholder";
  place.append(details);
  (link ?? image).replaceWith(place);
}

const PICTURES = ".picture img, .stage img";
document.addEventListener("error", (event) => {
  if (event.target.matches?.(PICTURES)) explainMissing(event.target);
}, true);
for (const image of document.querySelectorAll(PICTURES)) {
  if (image.complete && image.naturalWidth === 0) explainMissing(image); // it failed before this file ran
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});
