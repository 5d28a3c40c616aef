#include "shards/tokenizer/characters.hpp"

#include <unicode/uchar.h>

namespace troupe {
namespace {

UChar32 icu(char32_t c) { return static_cast<UChar32>(c); }

bool in_categories(char32_t c, uint32_t mask) { return (U_MASK(u_charType(icu(c))) & mask) != 0; }

}  // namespace

char_kind kind_of(char32_t c) {
  if (in_categories(c, U_GC_L_MASK)) return char_kind::letter;
  if (in_categories(c, U_GC_N_MASK)) return char_kind::number;
  if (c == U'\r' || c == U'\n') return char_kind::newline;
  return is_space(c) ? char_kind::space : char_kind::other;
}

bool is_space(char32_t c) { return u_isUWhiteSpace(icu(c)) != 0; }

bool is_word_character(char32_t c) {
  return u_hasBinaryProperty(icu(c), UCHAR_ALPHABETIC) != 0 || u_hasBinaryProperty(icu(c), UCHAR_JOIN_CONTROL) != 0 ||
         in_categories(c, U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK);
}

bool is_number(char32_t c) { return in_categories(c, U_GC_N_MASK); }

bool is_punctuation(char32_t c) {
  if (in_categories(c, U_GC_P_MASK)) return true;
  return (c >= 0x21 && c <= 0x2F) || (c >= 0x3A && c <= 0x40) || (c >= 0x5B && c <= 0x60) || (c >= 0x7B && c <= 0x7E);
}

bool is_mark(char32_t c) { return in_categories(c, U_GC_M_MASK); }

}  // namespace troupe
