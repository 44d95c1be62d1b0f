import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const LINES_KEPT = 200;
const PATIENCE_MS = 5000;
const isWindows = process.platform === "win32";

/** A program and its arguments, the program first. */
export type Command = readonly [string, ...string[]];

export interface Finished {
  /** The exit code; null where a signal ended the program, or where it could not be started. */
  readonly code: number | null;
  /** The last lines of what it wrote to standard output and standard error. */
  readonly lines: readonly string[];
}

export interface RunOptions {
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Variables in place of those of the same names. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Runs a program to its end. It never throws: one that cannot be started has the reason as its line.
 *
 * The program, and all that it started, ends with the signal, the timeout, and with this process.
 */
export async function run(command: Command, options: RunOptions = {}): Promise<Finished> {
  const [program, ...rest] = command;
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line);
    if (lines.length > LINES_KEPT) {
      lines.shift();
    }
    options.onLine?.(line);
  };
  // A group of its own, so that what the program started ends with it. Windows has no groups: see endTree.
  const env = { ...process.env, ...options.environment };
  const child = spawn(program, rest, { env, stdio: ["ignore", "pipe", "pipe"], detached: !isWindows, windowsHide: true });
  let lastResort: NodeJS.Timeout | undefined;
  const end = (): void => {
    endTree(child.pid, "SIGTERM");
    lastResort ??= setTimeout(endTree, PATIENCE_MS, child.pid, "SIGKILL");
  };
  // There is no waiting any more then.
  const endAtExit = (): void => {
    endTree(child.pid, "SIGKILL");
  };
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(end, options.timeoutMs);
  options.signal?.addEventListener("abort", end, { once: true });
  process.once("exit", endAtExit);
  if (options.signal?.aborted) {
    end();
  }
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", keep);
  }
  try {
    const code = await new Promise<number | null>((resolve) => {
      child.on("error", (error) => {
        keep(error.message);
        resolve(null);
      });
      child.on("close", resolve);
    });
    return { code, lines };
  } finally {
    clearTimeout(timer);
    clearTimeout(lastResort);
    options.signal?.removeEventListener("abort", end);
    process.removeListener("exit", endAtExit);
  }
}

/** Ends a program with all that it started: its group, or on Windows, which ends them at once, its tree. */
function endTree(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) {
    return;
  }
  if (isWindows) {
    const options = { windowsHide: true, detached: true, stdio: "ignore" } as const;
    spawn("taskkill", ["/pid", String(pid), "/t", "/f"], options).on("error", () => undefined);
    return;
  }
  try {
    process.kill(-pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") { // the latter where macOS has ended all of the group, and reaped none
      throw error;
    }
  }
}
