// The only one who sets scrollTop. It follows a reply until its first line reaches the top, and otherwise keeps what
// is being read in its place, whatever grows, comes or goes around it.

/** What the scroller needs of an element, so that it can be tried without a browser. */
export interface Box {
  scrollTop: number;
  readonly scrollHeight: number;
  readonly clientHeight: number;
}
export type Mode = "follow" | "tail" | "rest";

const GAP = 16;
const NEAR = 600;
const UPWARDS = new Set(["ArrowUp", "PageUp", "Home"]);

/** Where a followed row may be scrolled to: to the end, but not past its beginning. */
export const followed = (box: Box, rowTop: number): number => Math.min(box.scrollHeight - box.clientHeight, rowTop - GAP);

export class Scroller {
  mode: Mode = "tail";
  #row: HTMLElement | null = null;
  #mark: { row: HTMLElement; top: number } | null = null;
  #resizes: ResizeObserver;
  // Where this has put the view; anything else is where a person, or the browser for one, has gone.
  #put = -1;

  constructor(
    private readonly box: HTMLElement,
    private readonly list: HTMLElement,
    private readonly near: (side: "start" | "end") => void,
    private readonly moved: (isAtEnd: boolean) => void,
    // Whether the end of the list is the end of everything, so that staying there means to follow.
    private readonly isWhole: () => boolean,
  ) {
    this.#resizes = new ResizeObserver(() => this.settle());
    this.#resizes.observe(list);
    this.#resizes.observe(box);
    // A person who moves takes over at once. Heights tell nothing: a burst of text looks like a scroll upwards.
    box.addEventListener("wheel", (event) => event.deltaY < 0 && this.#rest(), { passive: true });
    box.addEventListener("touchmove", () => this.#rest(), { passive: true });
    box.addEventListener("pointerdown", (event) => event.target === box && this.#rest());
    box.addEventListener("keydown", (event) => UPWARDS.has(event.key) && !isTyping(event) && this.#rest());
    box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  close(): void {
    this.#resizes.disconnect();
  }

  follow(row: HTMLElement): void {
    this.#row = row;
    this.mode = "follow";
    this.settle();
  }

  tail(): void {
    this.mode = "tail";
    this.settle();
  }

  /** Brings a row into the middle, and stays there. */
  show(row: HTMLElement): void {
    this.mode = "rest";
    const room = Math.max(GAP, (this.box.clientHeight - row.offsetHeight) / 2);
    this.#move(this.box.scrollTop + this.#top(row) - room);
    this.#remember();
  }

  /** The row that is being read; null at the end. */
  get reading(): HTMLElement | null {
    return this.#isAtEnd ? null : (this.#mark?.row ?? null);
  }

  /** Puts the view where it belongs after something has changed. To be called before it is painted. */
  settle(): void {
    const end = this.box.scrollHeight - this.box.clientHeight;
    if (this.mode === "tail") this.#move(end);
    else if (this.mode === "follow" && this.#row?.isConnected) {
      this.#move(followed(this.box, this.#top(this.#row) + this.box.scrollTop));
    } else if (this.#mark) this.#hold(this.#mark);
    this.#remember();
    this.#look();
  }

  #hold({ row, top }: { row: HTMLElement; top: number }): void {
    if (row.isConnected) this.#move(this.box.scrollTop + this.#top(row) - top);
  }

  #move(to: number): void {
    if (Math.abs(this.box.scrollTop - to) >= 0.5) this.box.scrollTop = to;
    this.#put = this.box.scrollTop;
  }

  #rest(): void {
    this.mode = "rest";
    this.#remember();
  }

  #scrolled(): void {
    const isOurs = Math.abs(this.box.scrollTop - this.#put) < 2;
    if (!isOurs) this.mode = this.#isAtEnd && this.isWhole() ? "tail" : "rest";
    this.#remember();
    this.#look();
  }

  #look(): void {
    this.moved(this.#isAtEnd);
    if (this.box.scrollTop < NEAR) this.near("start");
    if (this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < NEAR) this.near("end");
  }

  get #isAtEnd(): boolean {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 4;
  }

  #top(row: HTMLElement): number {
    return row.getBoundingClientRect().top - this.box.getBoundingClientRect().top;
  }

  #remember(): void {
    const rows = this.list.children;
    let low = 0;
    let high = rows.length - 1;
    // Rows stand one below the other, so the first whose end is in view is found by halving.
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = rows[middle] as HTMLElement;
      if (this.#top(row) + row.offsetHeight > 0) high = middle;
      else low = middle + 1;
    }
    const row = rows[low] as HTMLElement | undefined;
    this.#mark = row ? { row, top: this.#top(row) } : null;
  }
}

const isTyping = (event: KeyboardEvent) => (event.target as HTMLElement).closest("textarea, input, select") !== null;
