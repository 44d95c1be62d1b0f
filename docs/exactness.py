"""The worked example of exactness.md: `python docs/exactness.py`."""

import math

import byte_lsp

PREFIX = b"class Stack:\n    def push(self, item):\n        self.ite"

tokenizer = byte_lsp.load_tokenizer("smollm2-135m")
print("plain:", [tokenizer.pieces[token] for token in tokenizer.encode(PREFIX)[-3:]])
for context in byte_lsp.contexts(tokenizer, PREFIX):
    print("context:", [tokenizer.pieces[token] for token in context.tokens[-3:]], "then", context.residual)

with byte_lsp.load("smollm2-135m") as model:
    exact, plain = (model.next_byte(PREFIX, arm=arm) for arm in ("exact", "plain"))
    for name, row in (("exact", exact), ("plain", plain)):
        best = int(row.argmax())
        print(f"{name}: {chr(best)!r} with probability {math.exp(row[best]):.4f}")

    # The chain rule: a text's logarithm is the sum over its bytes, each given those before it.
    together = model.logprob(b"ms", PREFIX)
    apart = model.logprob(b"m", PREFIX) + model.logprob(b"s", PREFIX + b"m")
    print(f"log P(ms) = {together:.6f} = {apart:.6f}")

    # Byte after byte, leaving out contexts of less than a thousandth of the weight.
    state = model.state(PREFIX, eps=1e-3)
    for byte in b"ms":
        state = state.advance(byte)
    following = state.next_byte()
    print(f"after items: {chr(int(following.argmax()))!r}, left out at most {state.left_out:.1e}")
