"""A YAML file that people write by hand: read with the line of everything, and every mistake at once.

Scalars are taken as they are written, not as YAML guesses: `no` stays the language Norwegian, and a phone number keeps
its zeros. Aliases and tags are refused; nobody needs them here, and they can make a small file endless.
"""

import difflib
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

LARGEST = 1_000_000
"""Characters in one file."""
_KINDS = ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
_GUESSED = frozenset(f"tag:yaml.org,2002:{kind}" for kind in _KINDS)
"""What YAML may guess of what stands there untagged."""


@dataclass(frozen=True, order=True)
class Mistake:
    """What is wrong, and in which line (from 1)."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


class Mistaken(Exception):
    """A file that can't be taken as it is: `mistakes`, all of them, in the order of their lines."""

    def __init__(self, mistakes: Collection[Mistake]) -> None:
        super().__init__(f"{len(mistakes)} mistakes")
        self.mistakes = tuple(sorted(set(mistakes)))


class Word(str):
    """A string that knows the line it was read from."""

    line: int

    def __new__(cls, text: str, line: int) -> "Word":
        word = super().__new__(cls, text)
        word.line = line
        return word


class Page:
    """A file being read. What can't be read is noted in `mistakes`, and stands in as nothing."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def wrong(self, line: int, reason: str) -> None:
        """Note a mistake, and go on reading."""
        self.mistakes.append(Mistake(line, reason))

    def open(self, text: str) -> Node | None:
        """The root of the document, or None where it is not YAML at all."""
        if len(text) > LARGEST:
            self.wrong(1, f"the file is longer than {LARGEST} characters")
            return None
        try:
            return self._compose(text)
        except yaml.MarkedYAMLError as error:
            said = " ".join(part for part in (error.context, error.problem) if part)
            self.wrong(_line(error.problem_mark or error.context_mark), f"this is not YAML: {said}")
        except yaml.reader.ReaderError as error:
            self.wrong(text.count("\n", 0, error.position) + 1, "this holds a character that can't be kept")
        except RecursionError:
            self.wrong(1, "this is nested too deeply")
        return None

    def _compose(self, text: str) -> Node | None:
        root: Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None:
            self.wrong(1, "the file is empty")
            return None
        return root if self._is_plain(root) else None

    def _is_plain(self, root: Node) -> bool:
        """Whether it is a tree, each part of it written where it stands."""
        passed: set[int] = set()
        ahead = [root]
        while ahead:
            node = ahead.pop()
            if id(node) in passed or node.tag not in _GUESSED:
                self.wrong(line_of(node), "aliases (*) and tags (!) have no place here")
                return False
            passed.add(id(node))
            if isinstance(node, MappingNode):
                ahead += [part for pair in node.value for part in pair]
            elif isinstance(node, SequenceNode):
                ahead += node.value
        return True

    def keys(self, node: Node | None, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Node]:
        """A mapping with these keys and no others."""
        found = {str(key): below for key, below in self.named(node).items()}
        known = [*required, *optional]
        for unknown in self.named(node, quiet=True):
            if unknown and unknown not in known:
                self.wrong(unknown.line, f"unknown key “{unknown}”{hint(unknown, known)}")
        for key in required:
            if node is not None and isinstance(node, MappingNode) and key not in found:
                self.wrong(line_of(node), f"“{key}” is missing")
        return found

    def named(self, node: Node | None, *, quiet: bool = False) -> dict[Word, Node]:
        """A mapping by its keys; a key that comes twice is a mistake."""
        if not isinstance(node, MappingNode):
            if node is not None and not quiet:
                self.wrong(line_of(node), "here belongs a list of “key: value”")
            return {}
        found: dict[Word, Node] = {}
        for key_node, below in node.value:
            line = line_of(key_node)
            key = Word(key_node.value if isinstance(key_node, ScalarNode) else "", line)
            if not quiet and (not key or key in found):
                self.wrong(line, f"“{key}” stands here twice" if key else "this is not a key")
            found.setdefault(key, below)
        return found

    def items(self, node: Node | None) -> list[Node]:
        """A list."""
        if isinstance(node, SequenceNode):
            return list(node.value)
        if node is not None:
            self.wrong(line_of(node), "here belongs a list")
        return []

    def word(self, node: Node | None, longest: int = 200) -> Word:
        """One line of text."""
        word = self.prose(node, longest)
        if "\n" in word:
            self.wrong(word.line, "this must be one line")
        return word

    def prose(self, node: Node | None, longest: int = 20_000) -> Word:
        """Text, of one line or several."""
        if node is None:
            return Word("", 1)
        line = line_of(node)
        if not isinstance(node, ScalarNode):
            self.wrong(line, "here belongs a text")
            return Word("", line)
        word = Word(unicodedata.normalize("NFC", node.value).strip(), line)
        if not word or word == "~":
            self.wrong(line, "this is empty")
        elif len(word) > longest:
            self.wrong(line, f"this is longer than {longest} characters")
        elif any(unicodedata.category(character) in ("Cc", "Cs") and character != "\n" for character in word):
            self.wrong(line, "this holds a character that can't be kept")
        return word

    def words(self, node: Node | None, longest: int = 80) -> list[Word]:
        """A list of short texts, none of them twice."""
        found: list[Word] = []
        for item in self.items(node):
            word = self.word(item, longest)
            if word in found:
                self.wrong(word.line, f"“{word}” stands here twice")
            elif word:
                found.append(word)
        return found

    def number(self, node: Node | None, least: int, most: int) -> int:
        """A whole number within bounds."""
        word = self.word(node, 20)
        if word.isascii() and word.isdigit() and least <= int(word) <= most:
            return int(word)
        if word:
            self.wrong(word.line, f"here belongs a number from {least} to {most}")
        return least

    def known(self, word: Word, among: Collection[str], what: str) -> bool:
        """Whether `word` is one of those; a mistake if not."""
        if word and word not in among:
            self.wrong(word.line, f"“{word}” is no {what}{hint(word, among)}")
        return word in among


def line_of(node: Node) -> int:
    """The line, from 1, where this begins."""
    return _line(node.start_mark)


def hint(word: str, among: Collection[str] | Mapping[str, object]) -> str:
    """What may have been meant."""
    near = difflib.get_close_matches(word, list(among), 1)
    return f" (“{near[0]}” perhaps?)" if near else ""


def _line(mark: Any) -> int:
    return mark.line + 1 if mark else 1
