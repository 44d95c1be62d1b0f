import {
  InlineCompletionTriggerKind,
  Position,
  Range,
  workspace,
  type CancellationToken,
  type Disposable,
  type InlineCompletionContext,
  type InlineCompletionItem,
  type TextDocument,
  type TextDocumentChangeEvent,
} from "vscode";
import {
  InlineCompletionRequest,
  type InlineCompletionItem as ServerItem,
  type LanguageClient,
} from "vscode-languageclient/node";
import { OnScreen, type Suggested } from "./shown";

/** Asks the server for ghost text, and tells it what becomes of it. */
export class InlineCompletion implements Disposable {
  private readonly screen = new OnScreen<ServerItem>();
  private readonly subscription = workspace.onDidChangeTextDocument((event) => {
    this.follow(event);
  });

  constructor(private readonly client: () => LanguageClient | undefined) {}

  dispose(): void {
    this.subscription.dispose();
  }

  async provide(
    document: TextDocument,
    position: Position,
    context: InlineCompletionContext,
    token: CancellationToken,
  ): Promise<InlineCompletionItem[] | null> {
    const client = this.client();
    if (!client) {
      return null;
    }
    const { version } = document;
    const items = await this.ask(client, document, position, context, token);
    if (token.isCancellationRequested || document.version !== version) {
      return null; // the answer is for a text that is not there any more
    }
    if (items[0]) {
      this.remember(items, items[0], document, position, context);
    }
    return client.protocol2CodeConverter.asInlineCompletionResult(items, token);
  }

  private async ask(
    client: LanguageClient,
    document: TextDocument,
    position: Position,
    context: InlineCompletionContext,
    token: CancellationToken,
  ): Promise<ServerItem[]> {
    const params = client.code2ProtocolConverter.asInlineCompletionParams(document, position, context);
    try {
      const answer = await client.sendRequest(InlineCompletionRequest.type, params, token);
      return Array.isArray(answer) ? answer : (answer?.items ?? []);
    } catch (error) {
      return client.handleFailedRequest(InlineCompletionRequest.type, token, error, []);
    }
  }

  private remember(
    items: readonly ServerItem[],
    first: ServerItem,
    document: TextDocument,
    position: Position,
    context: InlineCompletionContext,
  ): void {
    const located = items.map((item) => locate(item, document, position));
    const isNew = this.screen.show(located[0] ? located.filter((item) => item !== undefined) : []);
    if (isNew || context.triggerKind === InlineCompletionTriggerKind.Invoke) {
      this.tell("textDocument/didShowCompletion", { item: first });
    }
  }

  private follow(event: TextDocumentChangeEvent): void {
    const changes = event.contentChanges.map(({ rangeOffset, rangeLength, text }) => ({
      offset: rangeOffset,
      removed: rangeLength,
      text,
    }));
    const accepted = this.screen.follow(event.document.uri.toString(), changes);
    if (accepted) {
      this.tell("textDocument/didPartiallyAcceptCompletion", accepted);
    }
  }

  private tell(method: string, params: object): void {
    const client = this.client();
    if (client?.isRunning()) {
      void client.sendNotification(method, params);
    }
  }
}

/** Where an item stands; undefined if its text is not what is written before the cursor. */
function locate(item: ServerItem, document: TextDocument, position: Position): Suggested<ServerItem> | undefined {
  const text = typeof item.insertText === "string" ? item.insertText : item.insertText.value;
  const { start, end } = item.range ?? { start: position, end: position };
  const before = document.lineAt(position).text.slice(0, position.character);
  const behind = document.getText(new Range(position, new Position(end.line, end.character)));
  const written = before.slice(start.character);
  const isHere = start.line === position.line && text.startsWith(written);
  return isHere
    ? { item, uri: document.uri.toString(), text, typed: written.length, offset: document.offsetAt(position), before, behind }
    : undefined;
}
