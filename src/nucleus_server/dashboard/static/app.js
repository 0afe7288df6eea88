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
    background: "transparent", font: value("--font"), axis,
    legend: { labelColor: value("--text"), labelFontSize: 12, orient: "top" },
    view: { stroke: "transparent" },
    range: { category: [value("--pass"), value("--fail"), value("--none")] },
    bar: { color: value("--accent") }, line: { color: value("--muted") }, point: { color: value("--accent") },
    rule: { color: value("--text") }, tick: { color: value("--text") },
  };
}

// The expression interpreter (`ast`) needs no eval, and the styles are in our own file: the page's policy allows neither.
function drawCharts() {
  for (const place of document.querySelectorAll("[data-spec]")) {
    const spec = JSON.parse(document.getElementById(place.dataset.spec).textContent);
    vegaEmbed(place, spec, {
      actions: false, ast: true, renderer: "svg", defaultStyle: false, config: chartConfig(),
      tooltip: { disableDefaultStyle: true, theme: "page" },
    }).catch((error) => {
      place.textContent = "This chart cannot be drawn; its numbers are below.";
      console.error(error);
    });
  }
}

if (window.vegaEmbed) {
  drawCharts();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCharts);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});
