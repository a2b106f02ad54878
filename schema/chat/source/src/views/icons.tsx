// Drawings of one line each.
const PATHS = {
  menu: "M4 7h16M4 12h16M4 17h16",
  plus: "M12 5v14M5 12h14",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16.5 16.500 21 21",
  people: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20c0-3.500 2.700-6 6.500-6s6.500 2.500 6.500 6M16 4.500a3.500 3.500 0 0 1 0 6.500M18 14.500c2.200.8 3.500 2.900 3.500 5.500",
  gear: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500v5M9 14.500v5",
  dots: "M5 12h.01M12 12h.01M19 12h.01",
  send: "M12 20V5M5.500 11 12 4.500 18.500 11",
  stop: "M7 7h10v10H7z",
  left: "M14.500 6 8.500 12l6 6",
  right: "M9.500 6l6 6-6 6",
  down: "M12 5v14M5.500 13l6.500 6.500L18.500 13",
  again: "M19.500 12a7.500 7.500 0 1 1-2.200-5.300L20 9.400M20 4v5.400h-5.400",
  edit: "M4 20h4L19.500 8.500l-4-4L4 16z",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  fork: "M6 4v16M6 13c0-4 12-2 12-8M14.500 7.500 18 4l3.500 3.500",
  close: "M6 6l12 12M18 6 6 18",
  play: "M8 5.500v13l10-6.500z",
  clear: "M4 20h16M9 16l-4-4 8-8 6 6-6 6z",
} as const;
export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { name: IconName }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={PATHS[name]} /></svg>
);
