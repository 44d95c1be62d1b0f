/** How the server is, in its own words: the notification `didChangeStatus`, or what the extension knows. */
export interface Status {
  readonly state: State;
  readonly message: string;
  /** A sentence: what to do. Empty where there is nothing to do. */
  readonly action: string;
  readonly busy: boolean;
}

const STATES = ["setup", "starting", "loading", "ready", "busy", "degraded", "error", "off", "excluded", "stopped"] as const;
export type State = (typeof STATES)[number];

export interface Look {
  readonly text: string;
  readonly severity: "none" | "warning" | "error";
}

const ICONS: Record<State, string> = {
  setup: "cloud-download",
  starting: "loading~spin",
  loading: "loading~spin",
  ready: "sparkle",
  busy: "ellipsis",
  degraded: "warning",
  error: "error",
  off: "circle-slash",
  excluded: "eye-closed",
  stopped: "debug-disconnect",
};

/** A status out of a message's parameters, whatever they are. */
export function readStatus(params: unknown): Status {
  const given = (typeof params === "object" && params !== null ? params : {}) as Record<string, unknown>;
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  const state = STATES.find((each) => each === given.state) ?? (given.kind === "Error" ? "error" : "ready");
  return { state, message: text(given.message), action: text(given.action), busy: given.busy === true };
}

export function lookOf(status: Status): Look {
  const severities: Partial<Record<State, Look["severity"]>> = { degraded: "warning", setup: "warning", error: "error" };
  return { text: `$(${ICONS[status.state]}) byte-lsp`, severity: severities[status.state] ?? "none" };
}

/** A sentence for people and screen readers. */
export function describe(status: Status): string {
  const names: Partial<Record<State, string>> = { setup: "not set up", starting: "starting", stopped: "not running" };
  const state = names[status.state] ?? status.state;
  return status.message && status.message !== state ? `byte-lsp: ${state} (${status.message})` : `byte-lsp: ${state}`;
}
