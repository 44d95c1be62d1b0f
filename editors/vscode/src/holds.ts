import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const HOLD = /^(.+)\.(\d+)\.hold$/;

/**
 * Which folders are needed, and by which processes: several windows share the place where they lie.
 *
 * A hold is an empty file beside the folder, named after it and a process. That of a process that ended counts
 * no more, whether or not it could take its hold back.
 */
export class Holds {
  constructor(
    private readonly place: string,
    private readonly pid: number = process.pid,
  ) {}

  async take(name: string): Promise<void> {
    await writeFile(this.path(name), "");
  }

  async drop(name: string): Promise<void> {
    await rm(this.path(name), { force: true });
  }

  /** The folders that a process needs. Holds of processes that ended are removed. */
  async held(): Promise<Set<string>> {
    const names = new Set<string>();
    for (const file of await listFolder(this.place)) {
      const [, name, pid] = HOLD.exec(file) ?? [];
      if (name && isAlive(Number(pid))) {
        names.add(name);
      } else if (name) {
        await rm(join(this.place, file), { force: true });
      }
    }
    return names;
  }

  private path(name: string): string {
    return join(this.place, `${name}.${String(this.pid)}.hold`);
  }
}

export function isHold(file: string): boolean {
  return HOLD.test(file);
}

/** What is in a folder; nothing if there is none. */
export async function listFolder(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return [];
    }
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // it is somebody else's
  }
}
