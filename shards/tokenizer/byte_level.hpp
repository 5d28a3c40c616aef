// GPT-2's alphabet for bytes: each of the 256 bytes is written as one printable character, so that a vocabulary of
// bytes is a vocabulary of text. Printable Latin-1 bytes stand for themselves, the others are U+0100 and up in order.
// Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", encoder.py (bytes_to_unicode).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// Appends each byte of `bytes` as its character.
void append_byte_characters(std::string& out, std::string_view bytes);

/// The bytes that `token` stands for, or the token's own UTF-8 where it has a character outside the alphabet: such a
/// token was added as plain text.
std::string bytes_of_characters(std::string_view token);

}  // namespace troupe
