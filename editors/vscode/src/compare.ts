import {
  commands,
  Location,
  Range,
  Uri,
  window,
  workspace,
  type Disposable,
  type Position,
  type TextDocument,
} from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";

const SCHEME = "byte-lsp-compare";

/** What one way to treat the cursor would say. */
interface Arm {
  readonly arm: string;
  readonly text: string;
}

const NAMES: Record<string, string> = {
  exact: "exact, what byte-lsp says",
  healing: "token healing, the usual remedy",
  plain: "plain tokenization",
};

/** Shows, in a peek at the cursor, the file as each way to treat the cursor would go on. */
export class Comparison implements Disposable {
  private readonly texts = new Map<string, string>();
  private readonly registration = workspace.registerTextDocumentContentProvider(SCHEME, {
    provideTextDocumentContent: (uri) => this.texts.get(uri.toString()),
  });

  dispose(): void {
    this.registration.dispose();
  }

  async show(client: LanguageClient): Promise<void> {
    const editor = window.activeTextEditor;
    if (!editor) {
      return;
    }
    const { document, selection } = editor;
    const position = selection.active;
    const { arms } = await client.sendRequest<{ arms: readonly Arm[] }>(
      "byteLsp/compare",
      client.code2ProtocolConverter.asTextDocumentPositionParams(document, position),
    );
    if (arms.length === 0) {
      void window.showInformationMessage("byte-lsp: there is nothing to compare at this place.");
      return;
    }
    this.texts.clear();
    const locations = arms.map((arm) => this.write(arm, document, position));
    await commands.executeCommand("editor.action.peekLocations", document.uri, position, locations, "peek");
  }

  /** Makes a document in which an arm's text stands at the cursor. */
  private write(arm: Arm, document: TextDocument, position: Position): Location {
    const offset = document.offsetAt(position);
    const text = document.getText();
    const extension = /\.[^./\\]+$/.exec(document.fileName)?.[0] ?? "";
    const name = arm.text ? (NAMES[arm.arm] ?? arm.arm) : `${NAMES[arm.arm] ?? arm.arm}: nothing`;
    const uri = Uri.from({ scheme: SCHEME, path: `/${name}${extension}`, query: String(document.version) });
    this.texts.set(uri.toString(), text.slice(0, offset) + arm.text + text.slice(offset));
    const lines = arm.text.split(/\r\n|\r|\n/);
    const last = lines.at(-1)?.length ?? 0;
    const end =
      lines.length === 1 ? position.translate(0, last) : position.with(position.line + lines.length - 1, last);
    return new Location(uri, new Range(position, end));
  }
}
