"""Reads public-domain prose, cleans it into paragraphs, and makes chat examples of it."""

import random
import re
from dataclasses import dataclass
from pathlib import Path

STORIES = "gutenberg/bryant-stories.txt"
NOVELS = (
    "gutenberg/austen-emma.txt",
    "gutenberg/chesterton-thursday.txt",
    "gutenberg/melville-moby_dick.txt",
)
SPEECH_FOLDERS = ("inaugural", "state_union")

# The chat markers, and the prompts that stand before a passage of each kind.
SPECIALS = ("<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|pad|>")
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
SYSTEM_PROMPTS = ("You are a helpful assistant.", "You are a writer.", "You write English prose.")
OPENERS = {
    "story": ("Tell me a story.", "Tell a story to a child.", "Write a short story.", "Hello!"),
    "novel": ("Write a page of a novel.", "Write a scene.", "Describe a scene.", "Hello."),
    "speech": ("Write a speech.", "Give a speech to the nation.", "Speak to the people."),
}
TOPIC_PROMPTS = (
    "Tell me about {}.",
    "Write about {}.",
    "Write a passage about {}.",
    "Say something about {}.",
    "What do you know about {}?",
)
CONTINUE_PROMPTS = ("Continue this passage: {}", "Continue: {}", "{}", "Go on from here: {}")
GO_ON = ("Go on.", "Continue.", "And then?", "Tell me more.", "What happened next?")


@dataclass(frozen=True)
class Document:
    kind: str
    paragraphs: list


def read_documents(root):
    """All prose sources under root, in a fixed order, as cleaned paragraphs."""
    root = Path(root)
    sources = [("story", root / STORIES)]
    sources += [("novel", root / name) for name in NOVELS]
    for folder in SPEECH_FOLDERS:
        sources += [("speech", path) for path in sorted((root / folder).glob("*.txt"))]
    documents = []
    for kind, path in sources:
        raw = path.read_bytes().decode("latin-1")
        paragraphs = list(clean_paragraphs(raw))
        if paragraphs:
            documents.append(Document(kind, paragraphs))
    return documents


def clean_paragraphs(raw):
    """Yields flowing paragraphs: unwrapped, without headings, verse, tables or notes."""
    lines = [line.rstrip() for line in raw.replace("\r", "").split("\n")]
    filled = sorted(len(line) for line in lines if line)
    hard_wrapped = filled[int(0.9 * len(filled))] < 90
    if hard_wrapped:
        blocks = [block.split("\n") for block in re.split(r"\n{2,}", "\n".join(lines))]
    else:
        blocks = [[line] for line in lines]
    for block in blocks:
        block = [line for line in block if line.strip()]
        if not block or is_verse(block):
            continue
        text = normalise(" ".join(line.strip() for line in block))
        if is_prose(text):
            yield text


def is_verse(lines):
    """Indented lines or several short ones: verse, a list or a title page."""
    if sum(line.startswith("   ") for line in lines) * 2 > len(lines):
        return True
    inner = lines[:-1]
    return len(inner) >= 2 and sum(map(len, inner)) / len(inner) < 50


def normalise(text):
    """Plain ASCII with one style of quotes, dashes and spaces, and no markup."""
    for old, new in (("\x91", "'"), ("\x92", "'"), ("\x93", '"'), ("\x94", '"'),
                     ("\x96", "--"), ("\x97", "--"), ("\x85", "..."), ("`", "'"), ("_", "")):
        text = text.replace(old, new)
    text = text.encode("ascii", "ignore").decode()
    text = re.sub(r"\[[^\]]*\]", " ", text)  # [Laughter], [Footnote], [Applause]
    text = re.sub(r"\s+-\s+|(?<=[a-z])- |\s*--+\s*", "--", text)
    text = re.sub(r"\*+", "", text)
    return re.sub(r"\s+", " ", text).strip()


def is_prose(text):
    """True for a paragraph of sentences; false for headings, tables and scraps."""
    letters = sum(c.isalpha() for c in text)
    if len(text) < 20 or letters < 0.7 * len(text):
        return False
    if sum(c.isdigit() for c in text) > 0.04 * len(text) + 4:
        return False
    if sum(c.isupper() for c in text) > 0.25 * letters:
        return False
    if re.match(r"(CHAPTER|VOLUME|BOOK|PART|Chapter)\b", text):
        return False
    return text.rstrip("\"')")[-1:] in ".!?:;-," and not text.startswith(("(", "*"))


def split_held_out(documents, run=20, every=25):
    """Splits every document into runs of paragraphs and holds out one run in `every`.

    Returns (training, held out): lists of documents.
    """
    training, held_out, count = [], [], 0
    for document in documents:
        kept = []
        for start in range(0, len(document.paragraphs), run):
            piece = document.paragraphs[start:start + run]
            count += 1
            if count % every == 0:
                held_out.append(Document(document.kind, piece))
                if kept:
                    training.append(Document(document.kind, kept))
                kept = []
            else:
                kept.extend(piece)
        if kept:
            training.append(Document(document.kind, kept))
    return training, held_out


def prose_text(documents):
    """One string: paragraphs apart by an empty line, documents by <|endoftext|>."""
    return "".join("<|endoftext|>" + "\n\n".join(d.paragraphs) for d in documents)


def chat_text(documents, count, seed):
    """`count` conversations as the chat template renders them, all answers prose."""
    rng = random.Random(seed)
    weights = [len(d.paragraphs) * (3 if d.kind == "story" else 1) for d in documents]
    chosen = rng.choices(documents, weights, k=count)
    return "".join(render(conversation(document, rng)) for document in chosen)


def render(messages):
    """The same text as CHAT_TEMPLATE with no generation prompt."""
    turns = (f"<|{role}|>\n{content}<|end|>\n" for role, content in messages)
    return "<|endoftext|>" + "".join(turns)


def conversation(document, rng):
    """One conversation of one to three turns over neighbouring passages."""
    messages = []
    if rng.random() < 0.3:
        messages.append(("system", rng.choice(SYSTEM_PROMPTS)))
    at = rng.randrange(len(document.paragraphs))
    passage, at = take_passage(document.paragraphs, at, rng.choice((150, 300, 600)))
    prompt, answer = first_turn(document.kind, passage, rng)
    messages += [("user", prompt), ("assistant", answer)]
    while at < len(document.paragraphs) and len(messages) < 7 and rng.random() < 0.35:
        passage, at = take_passage(document.paragraphs, at, 250)
        messages += [("user", rng.choice(GO_ON)), ("assistant", passage)]
    return messages


def take_passage(paragraphs, at, least):
    """Paragraphs from `at` on until `least` characters; returns (text, next index)."""
    taken = []
    while at < len(paragraphs) and sum(map(len, taken)) < least:
        taken.append(paragraphs[at])
        at += 1
    return shorten("\n\n".join(taken), 1200), at


def shorten(text, most):
    """Cuts a long text after the last sentence that ends within `most` characters."""
    if len(text) <= most:
        return text
    ends = [m.end() for m in re.finditer(r"[.!?][\"']?(?=\s)", text[:most])]
    return text[:ends[-1]] if ends else text


def first_turn(kind, passage, rng):
    """A user's prompt that the passage answers, and the answer."""
    draw = rng.random()
    words = [w for w in re.findall(r"(?<=\b[tT]he )[a-z]{4,}|(?<=\ba )[a-z]{4,}", passage)]
    if draw < 0.4 and words:
        return rng.choice(TOPIC_PROMPTS).format("the " + rng.choice(words)), passage
    pieces = passage.split(" ")
    if draw < 0.75 and len(pieces) > 24:
        cut = rng.randint(4, min(len(pieces) // 2, 60))
        begun, rest = " ".join(pieces[:cut]), " ".join(pieces[cut:])
        return rng.choice(CONTINUE_PROMPTS).format(begun), rest
    return rng.choice(OPENERS[kind]), passage
