// Where GraphiQL keeps its tabs and history: under a name of our own, because whatever else once ran at this address
// (localhost:8000 has seen many) shares the browser's storage and would bring its tabs along.
const PREFIX = "repartee:";

function open() {
  try {
    localStorage.getItem(PREFIX);
    return localStorage;
  } catch {
    return null;
  }
}

const kept = open();
const fleeting = new Map();
let closed = false;

function ownKeys() {
  return kept ? Object.keys(kept).filter((key) => key.startsWith(PREFIX)) : [...fleeting.keys()];
}

export const storage = {
  getItem(key) {
    return kept ? kept.getItem(PREFIX + key) : (fleeting.get(key) ?? null);
  },
  setItem(key, value) {
    if (closed) return;
    if (kept) kept.setItem(PREFIX + key, value);
    else fleeting.set(key, value);
  },
  removeItem(key) {
    if (kept) kept.removeItem(PREFIX + key);
    else fleeting.delete(key);
  },
  clear() {
    for (const key of ownKeys()) kept ? kept.removeItem(key) : fleeting.delete(key);
  },
  get length() {
    return ownKeys().length;
  },
};

export const isFirstVisit = () => storage.getItem("graphiql:tabState") === null;

// GraphiQL writes its tabs half a second late; what it still has in hand must not come back.
export function forgetTabs() {
  for (const name of ["tabState", "query", "variables"]) storage.removeItem(`graphiql:${name}`);
  closed = true;
}
