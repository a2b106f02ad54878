// How this device shows the page.
import { effect, signal } from "@preact/signals";
import * as kept from "./kept";

export interface Settings {
  theme: "system" | "light" | "dark";
  size: "small" | "normal" | "large";
  enterSends: boolean;
}

const hasKeyboard = matchMedia("(hover: hover) and (pointer: fine)").matches;
const initial: Settings = { theme: "system", size: "normal", enterSends: hasKeyboard };

export const settings = signal<Settings>({ ...initial, ...kept.read<Partial<Settings>>("settings", {}) });
kept.whenWritten("settings", () => (settings.value = { ...initial, ...kept.read<Partial<Settings>>("settings", {}) }));

export function setSetting<Name extends keyof Settings>(name: Name, value: Settings[Name]): void {
  settings.value = { ...settings.value, [name]: value };
  kept.write("settings", settings.value);
}

export function applySettings(): void {
  effect(() => {
    const { theme, size } = settings.value;
    const root = document.documentElement;
    root.style.colorScheme = theme === "system" ? "light dark" : theme;
    root.dataset["size"] = size;
  });
}
