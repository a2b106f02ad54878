// What this device keeps between visits. Storage may be full, forbidden or hold nonsense; then memory has to do.
const memory = new Map<string, string>();
const PREFIX = "repartee.";

export function read<T>(name: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(PREFIX + name) ?? memory.get(name);
    return text == null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

/** Returns whether it will be there after a reload. */
export function write(name: string, value: unknown): boolean {
  const text = JSON.stringify(value);
  try {
    localStorage.setItem(PREFIX + name, text);
    memory.delete(name);
    return true;
  } catch {
    memory.set(name, text);
    return false;
  }
}

export function remove(name: string): void {
  memory.delete(name);
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // There was nothing.
  }
}

/** Calls back when another window of this browser writes under the name. */
export function whenWritten(name: string, react: () => void): void {
  addEventListener("storage", (event) => event.key === PREFIX + name && react());
}
