/** A suggestion as the server sent it, at a cursor. Offsets and lengths are in UTF-16 units. */
export interface Suggested<Item> {
  readonly item: Item;
  readonly uri: string;
  readonly text: string;
  /** How much of the text stands before the cursor already. */
  readonly typed: number;
  /** Where in the document the cursor is. */
  readonly offset: number;
  /** What stands before the cursor in its line. */
  readonly before: string;
  /** What the suggestion replaces behind the cursor, such as the bracket that the editor closed. */
  readonly behind: string;
}

/** A change to a document: so many units at an offset became a text. */
export interface Change {
  readonly offset: number;
  readonly removed: number;
  readonly text: string;
}

/** "accepted" is the whole rest at once; VS Code runs the item's command then. */
export type Step = "partly accepted" | "accepted" | "typed along" | "gone";

/** What an editor closes by itself as soon as it is opened. */
const PAIRS = new Set(["()", "[]", "{}", "<>", '""', "''", "``"]);
const LINE_ENDS = /\r\n?/g;

/**
 * The suggestion on the screen, followed through edits.
 *
 * VS Code tells extensions of a whole acceptance by running the item's command, and of nothing else. What was
 * taken by word or by line shows in the document: the beginning of the rest, more than a key adds, at once. A key
 * may add an indentation, with Enter or Tab, or close a bracket; what is blank is taken for that.
 *
 * The document has the line ends that it has, the suggestion may have others: they are compared as newlines.
 */
export class ShownSuggestion<Item> {
  /** Whether the server knows that it was shown. */
  isTold = false;
  private readonly text: string;
  private accepted: number;
  private offset: number;
  private before: string;
  private behind: string;

  constructor(private readonly suggested: Suggested<Item>) {
    this.text = asNewlines(suggested.text);
    this.accepted = suggested.typed;
    this.offset = suggested.offset;
    this.before = suggested.before;
    this.behind = suggested.behind;
  }

  get item(): Item {
    return this.suggested.item;
  }

  get uri(): string {
    return this.suggested.uri;
  }

  /** How much of the item's text stands in the document now. */
  get acceptedLength(): number {
    return lengthWithLineEnds(this.suggested.text, this.accepted);
  }

  /** Whether what is suggested now is what is left of this one, perhaps with more behind it. */
  isContinuedBy(next: Suggested<Item>): boolean {
    const isHere = next.uri === this.uri && next.offset === this.offset && this.accepted > this.suggested.typed;
    const left = asNewlines(next.text).slice(next.typed) + this.behind.slice(next.behind.length);
    return isHere && left.startsWith(this.rest);
  }

  follow(change: Change): Step {
    const written = this.writtenAtCursor(change);
    if (written === undefined) {
      return "gone";
    }
    const isPair = written.removed === 0 && PAIRS.has(written.text) && this.rest.startsWith(written.text.charAt(0));
    const taken = isPair ? written.text.charAt(0) : written.text;
    const plain = asNewlines(taken);
    if (plain === "" || !this.rest.startsWith(plain)) {
      return "gone";
    }
    if (plain === this.rest) {
      return isTyped(plain) ? "gone" : "accepted";
    }
    this.accepted += plain.length;
    this.offset += taken.length;
    this.before += taken;
    this.behind = written.text.slice(taken.length) + this.behind.slice(written.removed);
    return isTyped(plain) ? "typed along" : "partly accepted";
  }

  /** What a change writes at the cursor, and how much it removes behind it; undefined for one elsewhere. */
  private writtenAtCursor(change: Change): { text: string; removed: number } | undefined {
    const again = this.offset - change.offset; // Tab may write the indentation anew
    const blanks = again > 0 ? this.before.slice(-again) : "";
    const removed = change.removed - again;
    const isHere = again === blanks.length && blanks.trim() === "" && change.text.startsWith(blanks);
    return isHere && removed >= 0 && removed <= this.behind.length
      ? { text: change.text.slice(again), removed }
      : undefined;
  }

  private get rest(): string {
    return this.text.slice(this.accepted);
  }
}

/** How much of an item stands in the document after a part of it was accepted, in UTF-16 units of its text. */
export interface PartlyAccepted<Item> {
  readonly item: Item;
  readonly acceptedLength: number;
}

/**
 * What may be on the screen: an item of the last answer, or of the one before it.
 *
 * VS Code shows the first item, or the next one that fits what was typed since, or the one that the user turned
 * to, and tells nobody which. An answer is here before it is drawn: until then a key accepts what was there before.
 * So what another command inserts is taken for an acceptance if any of them begins like that.
 */
export class OnScreen<Item> {
  /** The newest answer's first, in its order. */
  private suggestions: readonly ShownSuggestion<Item>[] = [];
  private newest = 0;

  /** There is an answer of so many items; gives whether its first one is not known to have been shown. */
  show(items: readonly Suggested<Item>[]): boolean {
    const last = this.suggestions.slice(0, this.newest);
    const shown = items.map((item) => new ShownSuggestion(item));
    this.suggestions = [...shown, ...last];
    this.newest = items.length;
    const [first] = items;
    if (!first || !shown[0]) {
      return false;
    }
    shown[0].isTold = true;
    return !last.some((each) => each.isTold && each.isContinuedBy(first));
  }

  /** A document changed; gives what was accepted in part by that. */
  follow(uri: string, changes: readonly Change[]): PartlyAccepted<Item> | undefined {
    const [change, ...others] = changes;
    if (!change || !this.suggestions.some((shown) => shown.uri === uri)) {
      return undefined;
    }
    const followed = this.suggestions.map((shown, at) => {
      const step = shown.uri !== uri ? "elsewhere" : others.length > 0 ? "gone" : shown.follow(change);
      return { shown, step, isNewest: at < this.newest };
    });
    const left = followed.filter(({ step }) => step !== "gone");
    if (left.some(({ step }) => step === "accepted")) {
      this.suggestions = [];
      this.newest = 0;
      return undefined;
    }
    const newest = left.filter(({ isNewest }) => isNewest).length;
    this.suggestions = left.map(({ shown }) => shown);
    this.newest = newest === 0 && this.newest > 0 ? left.length : newest; // the one before is still there
    const partly = left.find(({ step }) => step === "partly accepted")?.shown;
    if (!partly) {
      return undefined;
    }
    partly.isTold = true;
    return { item: partly.item, acceptedLength: partly.acceptedLength };
  }
}

function asNewlines(text: string): string {
  return text.replace(LINE_ENDS, "\n");
}

/** The length of a text's beginning that has this length with one unit for each line end. */
function lengthWithLineEnds(text: string, plainLength: number): number {
  let length = 0;
  for (let plain = 0; plain < plainLength; plain++) {
    length += text.startsWith("\r\n", length) ? 2 : 1;
  }
  return length;
}

/** Whether one key may have written that: a character as people count them, or blanks. */
function isTyped(text: string): boolean {
  return text.trim() === "" || [...new Intl.Segmenter().segment(text)].length === 1;
}
