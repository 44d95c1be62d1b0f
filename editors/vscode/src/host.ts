import { commands, window, type Disposable, type ExtensionContext, type LogOutputChannel } from "vscode";
import { State, type LanguageClient } from "vscode-languageclient/node";
import { makeClient, tellFocus } from "./client";
import type { Environment } from "./environment";
import { ServerError, findServer, type Server } from "./find";
import { InlineCompletion } from "./inline";
import { installServer, mayInstall, mayTryAgain } from "./setUp";
import { configuredCommand } from "./settings";
import { readStatus, type Status } from "./status";

const RUNNING = "byteLsp.running";

/** The server as VS Code has it: found, installed if the user wants that, started, watched, stopped. */
export class ServerHost implements Disposable {
  /** The server that runs, or ran last. */
  server: Server | undefined;
  private running: LanguageClient | undefined;
  private change: Promise<void> = Promise.resolve();
  private settingUp: Promise<void> | undefined;
  private readonly closing = new AbortController();
  private readonly inline = new InlineCompletion(() => this.client);

  constructor(
    private readonly context: ExtensionContext,
    private readonly environment: Environment,
    private readonly log: LogOutputChannel,
    private readonly show: (status: Status) => void,
  ) {}

  /** The client, while its server runs. */
  get client(): LanguageClient | undefined {
    return this.running?.isRunning() ? this.running : undefined;
  }

  dispose(): void {
    this.inline.dispose();
  }

  /** Finds and starts the server. Where there is none, offers to install it. */
  start(): Promise<void> {
    return this.inTurn(async () => {
      const server = await this.find();
      if (server) {
        await this.launch(server);
      }
      await this.tidy();
    });
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.end());
  }

  restart(): Promise<void> {
    void this.stop();
    return this.start();
  }

  /** Ends the server, and a set-up that is under way with all that it runs. */
  async close(): Promise<void> {
    this.closing.abort();
    await Promise.all([this.settingUp, this.stop()]);
  }

  /** Installs the extension's own server; one that runs does so until the new one is there. */
  setUp(): Promise<void> {
    this.settingUp ??= this.orFail(() => this.install()).finally(() => {
      this.settingUp = undefined;
    });
    return this.settingUp;
  }

  private async install(): Promise<void> {
    if (!this.client) {
      this.show({ state: "starting", message: "being installed", action: "", busy: true });
    }
    const failure = await installServer(this.context, this.environment, this.log, this.closing.signal);
    if (this.closing.signal.aborted) {
      return;
    }
    if (failure === undefined) {
      await this.restart();
      return;
    }
    this.log.error(failure);
    if (!this.client) {
      this.showNotSetUp();
    }
    void mayTryAgain(failure, this.log).then((may) => (may ? this.setUp() : undefined));
  }

  /** One thing after the other: a start while the server stops waits for that. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    this.change = this.change.then(() => this.orFail(work));
    return this.change;
  }

  private async orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.fail(messageOf(error));
    }
  }

  private async orWarn(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.log.warn(messageOf(error));
    }
  }

  private async find(): Promise<Server | undefined> {
    this.show({ state: "starting", message: "", action: "", busy: true });
    try {
      const server = await findServer(configuredCommand(), this.environment, (line) => {
        this.log.warn(line);
      });
      if (server === undefined) {
        this.showNotSetUp();
        this.offerInstallation(false);
      }
      return server;
    } catch (error) {
      if (!(error instanceof ServerError)) {
        throw error;
      }
      this.fail(error.message);
      return undefined;
    }
  }

  private offerInstallation(isUpdate: boolean): void {
    void mayInstall(isUpdate).then((may) => (may ? this.setUp() : undefined));
  }

  private async launch(server: Server): Promise<void> {
    this.log.info(`byte-lsp ${server.version}: ${server.command.join(" ")}`);
    const client = makeClient(server, this.inline, this.log);
    const { name } = server;
    if (name !== undefined) {
      await this.orWarn(() => this.environment.hold(name));
    }
    this.server = server;
    this.running = client;
    client.onNotification("didChangeStatus", (params: unknown) => {
      this.show(readStatus(params));
    });
    client.onDidChangeState(({ newState }) => {
      this.follow(client, newState);
    });
    await client.start();
    tellFocus(client);
    const { version } = this.context.extension.packageJSON as { version: string };
    if (server.origin === "own" && server.version !== version) {
      this.offerInstallation(true);
    }
  }

  private follow(client: LanguageClient, state: State): void {
    if (client !== this.running) {
      return;
    }
    void commands.executeCommand("setContext", RUNNING, state === State.Running);
    if (state === State.Stopped) {
      this.show({ state: "stopped", message: "", action: "Start it again from this menu.", busy: false });
    }
  }

  private async end(): Promise<void> {
    const client = this.running;
    this.running = undefined;
    await commands.executeCommand("setContext", RUNNING, false);
    await this.orWarn(async () => {
      if (client?.state === State.Starting) {
        await client.start(); // one that starts cannot be stopped, and one that did not start neither
      }
      await client?.dispose();
    });
    const name = this.server?.name;
    if (name !== undefined) {
      await this.orWarn(() => this.environment.release(name));
    }
  }

  /** Removes environments that no window uses any more. */
  private async tidy(): Promise<void> {
    await this.orWarn(async () => {
      for (const failure of await this.environment.removeLeftovers()) {
        this.log.info(failure);
      }
    });
  }

  private showNotSetUp(): void {
    this.show({ state: "setup", message: "", action: "Set up the server to have suggestions.", busy: false });
  }

  private fail(message: string): void {
    this.log.error(message);
    this.show({ state: "error", message, action: "The log says more.", busy: false });
    void window.showErrorMessage(`byte-lsp: ${message}`, "Open Log").then((answer) => {
      if (answer) {
        this.log.show();
      }
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
