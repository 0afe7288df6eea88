"use strict";

// An area that is selected in a chart becomes four numbers in the form below it, which asks the server for the items.
document.addEventListener("chart:drawn", (event) => {
  const place = event.target.closest("[data-brush]");
  if (!place) return;
  // The area's own marks have no name; the chart they are in has one.
  for (const mark of place.querySelectorAll("[class*=brush_brush]")) mark.setAttribute("aria-hidden", "true");
  let waiting;
  event.detail.addSignalListener("brush", (_, area) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => narrow(document.getElementById(place.dataset.brush), area), 300);
  });
});

function narrow(form, area) {
  let isChanged = false;
  for (const [axis, name] of [["baseline", "a"], ["candidate", "b"]]) {
    const ends = area[axis] ? [Math.min(...area[axis]), Math.max(...area[axis])] : [];
    for (const [i, end] of ["min", "max"].entries()) {
      const field = form.elements[`${name}_${end}`];
      const text = ends.length ? String(Number(ends[i].toPrecision(4))) : "";
      isChanged ||= field.value !== text;
      field.value = text;
    }
  }
  if (isChanged) form.requestSubmit();
}
