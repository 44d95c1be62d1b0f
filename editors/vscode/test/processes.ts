import { existsSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

const PATIENCE_MS = 60_000;

/** Resolves once there is no such process any more. */
export async function whenEnded(pid: number): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (isAlive(pid)) {
    if (Date.now() > deadline) {
      throw new Error(`process ${pid} goes on and on`);
    }
    await setTimeout(20);
  }
}

/** Whether a process runs. In a container nobody may take notice of one that ended: it is left as a zombie. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync("/proc/self") || (existsSync(stat) && !/\) [ZX] /.test(readFileSync(stat, "utf8")));
}
