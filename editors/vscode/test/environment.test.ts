import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { Environment } from "../src/environment";
import { SetUpError } from "../src/explain";
import { findServer, onPath } from "../src/find";
import { run } from "../src/process";
import { isAlive, whenEnded } from "./processes";

/** Writes a wheel without dependencies whose program `byte-lsp` prints a version. */
const WRITE_WHEEL = `
import sys, zipfile
path, version = sys.argv[1:]
info = f"byte_lsp-{version}.dist-info"
files = {
    "byte_lsp.py": f"def main():\\n    print('byte-lsp {version}')\\n",
    f"{info}/METADATA": f"Metadata-Version: 2.1\\nName: byte-lsp\\nVersion: {version}\\n",
    f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    f"{info}/entry_points.txt": "[console_scripts]\\nbyte-lsp = byte_lsp:main\\n",
}
with zipfile.ZipFile(path, "w") as wheel:
    for name, text in files.items():
        wheel.writestr(name, text)
    wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\\n" for name in [*files, f"{info}/RECORD"]))
`;

/** What builds a package: it starts a program, writes down the process ids of both, and never comes to an end. */
const ENDLESS_BUILD = `
import os, subprocess, sys, time
def build_wheel(*_):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    with open(PIDS + ".tmp", "w") as file:
        print(os.getpid(), child.pid, file=file)
    os.rename(PIDS + ".tmp", PIDS)
    time.sleep(3600)
`;
const PYPROJECT = `
[build-system]
requires = []
build-backend = "endless"
backend-path = ["."]
[project]
name = "byte-lsp"
version = "9.8.8"
`;

let folder = "";
let wheel = "";
let newWheel = "";

before(async () => {
  delete process.env.PYTHONPATH; // who develops byte-lsp may have it there
  folder = await mkdtemp(join(tmpdir(), "byte-lsp-"));
  [wheel, newWheel] = await Promise.all(["9.8.7", "9.8.8"].map(writeWheel)) as [string, string];
});

after(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function writeWheel(version: string): Promise<string> {
  const path = join(folder, `byte_lsp-${version}-py3-none-any.whl`);
  assert.equal((await run(["python3", "-c", WRITE_WHEEL, path, version])).code, 0);
  return path;
}

function reporting(signal: AbortSignal = new AbortController().signal) {
  const steps: string[] = [];
  return { steps, onStep: (text: string) => void steps.push(text), onLine: () => undefined, signal };
}

function installation(requirement: string, version = "9.8.7") {
  return { requirement, version, python: "" };
}

/** A place with version 9.8.7 in it, as an earlier installation left it, which must work. */
async function withServer(name: string) {
  const place = join(folder, name);
  const program = join(place, "env-old", "bin", "byte-lsp");
  await mkdir(dirname(program), { recursive: true });
  await writeFile(program, "#!/bin/sh\necho byte-lsp 9.8.7\n", { mode: 0o755 });
  await writeFile(join(place, "installed.json"), JSON.stringify({ name: "env-old", version: "9.8.7" }));
  const environment = new Environment(place);
  const check = async () => {
    const installed = await environment.installed();
    assert.equal(installed?.version, "9.8.7");
    assert.deepEqual(await run([...installed.command, "--version"]), { code: 0, lines: ["byte-lsp 9.8.7"] });
  };
  await check();
  return { place, environment, check };
}

/** The environments in a place. */
async function environments(place: string): Promise<string[]> {
  return (await readdir(place)).filter((name) => !name.endsWith(".json")).sort();
}

test("an environment is made, found again, and its server is the last resort", async () => {
  const environment = new Environment(join(folder, "made"));
  assert.equal(await environment.installed(), undefined);
  assert.deepEqual(await environment.removeLeftovers(), []);
  assert.equal(existsSync(join(folder, "made")), false);
  const told = reporting();
  await environment.install(installation(wheel), told);
  assert.equal(told.steps.length, 2);
  const installed = await environment.installed();
  assert.equal(installed?.version, "9.8.7");
  const server = await findServer([], environment, () => undefined);
  assert.ok(server?.origin === "path" || server?.command[0] === installed.command[0]);
});

test("a package that cannot be installed leaves nothing behind, and pip's words are told", async () => {
  const environment = new Environment(join(folder, "failed"));
  const missing = join(folder, "missing.whl");
  await assert.rejects(environment.install(installation(missing), reporting()), (error: Error) => {
    assert.ok(error instanceof SetUpError);
    assert.match(error.message, /missing\.whl/);
    return true;
  });
  assert.deepEqual(await readdir(join(folder, "failed")), []);
});

test("an update takes the place of the old server, which goes once nobody runs it", async () => {
  const { place, environment } = await withServer("updated");
  const old = await environment.installed();
  assert.ok(old);
  await environment.hold(old.name);
  await environment.install(installation(newWheel, "9.8.8"), reporting());
  const installed = await environment.installed();
  assert.equal(installed?.version, "9.8.8");
  assert.equal((await run([...installed.command, "--version"])).lines.at(-1), "byte-lsp 9.8.8");
  await environment.removeLeftovers();
  assert.equal((await run([...old.command, "--version"])).lines.at(-1), "byte-lsp 9.8.7");
  await environment.release(old.name);
  assert.deepEqual(await environment.removeLeftovers(), []);
  assert.deepEqual(await environments(place), [installed.name]);
});

test("an update that fails leaves the old server", async () => {
  const { place, environment, check } = await withServer("kept");
  await assert.rejects(environment.install(installation(join(folder, "missing.whl"), "9.8.8"), reporting()), SetUpError);
  await check();
  assert.deepEqual(await environments(place), ["env-old"]);
});

test("so does one whose package is installed, and does not start", async () => {
  const { place, environment, check } = await withServer("broken");
  const broken = join(folder, "broken-wheel", "byte_lsp-9.8.8-py3-none-any.whl");
  await mkdir(dirname(broken));
  await run(["python3", "-c", WRITE_WHEEL.replace("print(", "raise SystemExit("), broken, "9.8.8"]);
  await assert.rejects(environment.install(installation(broken, "9.8.8"), reporting()), SetUpError);
  await check();
  assert.deepEqual(await environments(place), ["env-old"]);
});

test("a set-up that is cancelled while pip builds ends all that pip started, and leaves the old server", async () => {
  const { place, environment, check } = await withServer("cancelled");
  const source = join(folder, "endless");
  const pids = join(source, "pids");
  await mkdir(source);
  await writeFile(join(source, "pyproject.toml"), PYPROJECT);
  await writeFile(join(source, "endless.py"), ENDLESS_BUILD.replaceAll("PIDS", JSON.stringify(pids)));
  const cancelling = new AbortController();
  const installing = environment.install(installation(source, "9.8.8"), reporting(cancelling.signal));
  const failing = assert.rejects(installing, /cancelled/);
  while (!existsSync(pids)) {
    await Promise.race([setTimeout(20), failing]);
  }
  const running = (await readFile(pids, "utf8")).trim().split(" ").map(Number);
  assert.deepEqual(running.map(isAlive), [true, true]);
  await check();
  cancelling.abort();
  await failing;
  await Promise.all(running.map(whenEnded));
  await check();
  assert.deepEqual(await environments(place), ["env-old"]);
});

test("a set-up that is cancelled before it began does nothing", async () => {
  const place = join(folder, "not begun");
  await assert.rejects(new Environment(place).install(installation(wheel), reporting(AbortSignal.abort())), /cancelled/);
  assert.equal(existsSync(place), false);
});

test("what a set-up that was cut short left goes with the next one", async () => {
  const { place, environment } = await withServer("leftovers");
  await mkdir(join(place, "env-half", "lib"), { recursive: true });
  await writeFile(join(place, "env-half.4194304.hold"), ""); // no process has such a number
  await environment.install(installation(newWheel, "9.8.8"), reporting());
  await environment.removeLeftovers();
  const installed = await environment.installed();
  assert.equal(installed?.version, "9.8.8");
  assert.deepEqual(await environments(place), [installed.name]);
});

test("what another window makes or runs is left to it, until that window is gone", async (context) => {
  const { place, environment } = await withServer("two windows");
  const window = spawn(process.execPath, ["-e", "setInterval(() => 0, 1000)"]);
  context.after(() => window.kill());
  const other = new Environment(place, window.pid);
  await mkdir(join(place, "env-other"));
  await other.hold("env-other");
  await environment.removeLeftovers();
  assert.equal(existsSync(join(place, "env-other")), true);
  window.kill();
  await once(window, "exit");
  await environment.removeLeftovers();
  assert.equal(existsSync(join(place, "env-other")), false);
  assert.deepEqual(await environments(place), ["env-old"]);
});

test("what cannot be removed is told of, and tried again", async () => {
  const { place, environment, check } = await withServer("stuck");
  await mkdir(join(place, "env-stuck", "within"), { recursive: true });
  await chmod(join(place, "env-stuck"), 0o555);
  const failures = await asNobody(() => environment.removeLeftovers());
  assert.match(failures.join(), /env-stuck cannot be removed yet/);
  await chmod(join(place, "env-stuck"), 0o755);
  assert.deepEqual(await environment.removeLeftovers(), []);
  await check();
});

/** Does something without the rights of root, whom permissions do not hold back. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) {
    return work();
  }
  await chmod(folder, 0o755);
  process.seteuid?.(65534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

test("a mark that was damaged is none", async () => {
  const { place, environment } = await withServer("damaged");
  await writeFile(join(place, "installed.json"), "{");
  assert.equal(await environment.installed(), undefined);
});

test("a Python that is not there is told of", async () => {
  const environment = new Environment(join(folder, "nothing"));
  const wanted = { ...installation(wheel), python: join(folder, "no-python") };
  await assert.rejects(environment.install(wanted, reporting()), /Python 3\.11 or newer is needed/);
});

test("the command of the settings comes first, and one that is no byte-lsp is told of", async () => {
  const environment = new Environment(join(folder, "made"));
  const installed = await environment.installed();
  assert.ok(installed);
  const found = await findServer([...installed.command], environment, () => undefined);
  assert.deepEqual([found?.origin, found?.version], ["setting", "9.8.7"]);
  await assert.rejects(findServer(["byte-lsp-no-such-program"], environment, () => undefined), /ENOENT/);
});

test("PATH is looked through in its order", async () => {
  const installed = await new Environment(join(folder, "made")).installed();
  const [first, second] = [dirname(installed?.command[0] ?? ""), join(folder, "nowhere")];
  assert.deepEqual(onPath("byte-lsp", { PATH: [second, first].join(":") }), [join(first, "byte-lsp")]);
  assert.deepEqual(onPath("byte-lsp", { PATH: second }, [first]), [join(first, "byte-lsp")]);
  assert.deepEqual(onPath("byte-lsp", { PATH: first }, [first]), [join(first, "byte-lsp")]);
});
