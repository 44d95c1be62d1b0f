// Ends while a program runs that started another, both deaf to SIGTERM; prints the process ids of both.
import { run } from "../src/process";

const IDLE = "process.on('SIGTERM', () => 0); setInterval(() => 0, 1000)";
const PROGRAM = `
const child = require("child_process").spawn(process.execPath, ["-e", "${IDLE}"], { stdio: "ignore" });
console.log(process.pid + "\\n" + child.pid);
${IDLE};
`;

let count = 0;
void run([process.execPath, "-e", PROGRAM], {
  onLine: (line) => {
    console.log(line);
    count += 1;
    if (count === 2) {
      process.exit(0);
    }
  },
});
