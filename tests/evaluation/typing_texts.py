"""Texts that somebody writes in tests."""

PYTHON = '''"""A stack."""


class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):
        return self.items.pop()

    def peek(self):
        return self.items[-1]

    def clear(self):
        self.items.clear()


def make_stack(items):
    stack = Stack()
    for item in items:
        stack.push(item)
    return stack
'''
