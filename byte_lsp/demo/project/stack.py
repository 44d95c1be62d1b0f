"""A stack that remembers how high it has been."""


class Stack:
    def __init__(self):
        self.items = []
        self.highest = 0

    def push(self, item):
        """Put an item on top."""
        self.items.append(item)
        self.highest = max(self.highest, len(self.items))

    def pop(self):
        """Take the top item off."""
        if not self.items:
            raise IndexError("pop from an empty stack")
        return self.items.pop()

    def __len__(self):
        return len(self.items)
