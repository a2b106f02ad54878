// The keyboard of a phone. Where the browser does not make the page smaller by itself, as on iOS, this does.
export function fitAboveKeyboard(): void {
  const view = window.visualViewport;
  if (!view) return;
  view.addEventListener("resize", () => {
    // Whoever zooms in wants to see less of the page, not a smaller page.
    if (view.scale > 1) return;
    document.documentElement.style.setProperty("--view", `${view.height}px`);
    scrollTo(0, 0);
  });
}
