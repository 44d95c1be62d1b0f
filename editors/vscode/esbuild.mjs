// Bundles the extension, or with --tests each file of test/, so that neither needs node_modules at run time. A file
// that is no test is a program that one starts.
import { readdirSync, rmSync } from "node:fs";
import { context } from "esbuild";

const isFor = (flag) => process.argv.includes(`--${flag}`);

const extension = {
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.cjs",
  external: ["vscode"],
  minify: isFor("production"),
};

const tests = {
  entryPoints: readdirSync("test").map((name) => ({
    in: `test/${name}`,
    out: `${name.endsWith(".test.ts") ? "test" : "programs"}/${name.replace(/\.ts$/, "")}`,
  })),
  outdir: "dist",
  outExtension: { ".js": ".cjs" },
};

rmSync("dist", { recursive: true, force: true });
const build = await context({
  ...(isFor("tests") ? tests : extension),
  bundle: true,
  format: "cjs",
  platform: "node",
  target: "node20",
  mainFields: ["module", "main"],
  sourcemap: !isFor("production"),
  logLevel: "info",
});
if (isFor("watch")) {
  await build.watch();
} else {
  await build.rebuild();
  await build.dispose();
}
