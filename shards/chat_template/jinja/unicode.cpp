#include "shards/chat_template/jinja/unicode.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>

#include "base/utf8.hpp"

namespace troupe::jinja {
namespace {

struct character_run {
  char32_t first, last;
  uint32_t stride;
};

struct mapping_run {
  char32_t first, last;
  uint32_t stride;
  int32_t delta;
};

struct special_mapping {
  char32_t from;
  const char* to;
};

#include "shards/chat_template/jinja/unicode_tables.inc"

// The run that has `c`, or nullptr. Runs are sorted and do not overlap.
template <class Run>
const Run* find_run(std::span<const Run> runs, char32_t c) {
  auto after = std::upper_bound(runs.begin(), runs.end(), c, [](char32_t x, const Run& run) { return x < run.first; });
  if (after == runs.begin()) return nullptr;
  const Run& run = *std::prev(after);
  return c <= run.last && (c - run.first) % run.stride == 0 ? &run : nullptr;
}

bool has(std::span<const character_run> runs, char32_t c) { return find_run(runs, c) != nullptr; }

struct case_mapping {
  std::span<const mapping_run> runs;
  std::span<const special_mapping> special;

  void append(std::string& out, char32_t c) const {
    auto found = std::lower_bound(special.begin(), special.end(), c,
                                  [](const special_mapping& s, char32_t x) { return s.from < x; });
    if (found != special.end() && found->from == c) {
      out += found->to;
      return;
    }
    const mapping_run* run = find_run(runs, c);
    utf8_append(out, run ? static_cast<char32_t>(static_cast<int32_t>(c) + run->delta) : c);
  }
};

constexpr case_mapping lower_mapping{to_lower, to_lower_special};
constexpr case_mapping upper_mapping{to_upper, to_upper_special};
constexpr case_mapping title_mapping{to_title, to_title_special};
constexpr case_mapping fold_mapping{to_fold, to_fold_special};

bool is_cased(char32_t c) { return is_lowercase(c) || is_uppercase(c) || is_titlecase(c); }

constexpr char32_t capital_sigma = 0x3A3, small_sigma = 0x3C3, final_sigma = 0x3C2;

// A capital sigma becomes the final form when a letter stands before it and none behind (Unicode 3.13, Final_Sigma).
char32_t lower_sigma(std::string_view text, size_t begin, size_t end) {
  auto letter_before = [&] {
    for (size_t at = begin; at > 0;) {
      at = previous_character(text, at);
      size_t next = at;
      char32_t c = utf8_decode(text, next);
      if (!has(case_ignorable, c)) return is_cased(c);
    }
    return false;
  };
  auto letter_behind = [&] {
    for (size_t at = end; at < text.size();) {
      char32_t c = utf8_decode(text, at);
      if (!has(case_ignorable, c)) return is_cased(c);
    }
    return false;
  };
  return letter_before() && !letter_behind() ? final_sigma : small_sigma;
}

// Sigma looks as far as the nearest letter, which could be far away each time: so far, and no farther.
constexpr size_t sigma_window = 256;

void append_lower(std::string& out, std::string_view text, size_t begin, size_t end, char32_t c) {
  if (c != capital_sigma) return lower_mapping.append(out, c);
  size_t from = begin > sigma_window ? begin - sigma_window : 0;
  while (from < begin && (static_cast<unsigned char>(text[from]) & 0xC0U) == 0x80) ++from;
  size_t until = std::min(text.size(), end + sigma_window);
  while (until < text.size() && (static_cast<unsigned char>(text[until]) & 0xC0U) == 0x80) ++until;
  utf8_append(out, lower_sigma(text.substr(from, until - from), begin - from, end - from));
}

// Calls f(out, begin, end, character) for each character.
template <class F>
std::string mapped(std::string_view text, F f) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    size_t begin = at;
    char32_t c = utf8_decode(text, at);
    f(out, begin, at, c);
  }
  return out;
}

}  // namespace

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}
bool is_alphabetic(char32_t c) { return has(alphabetic, c); }
bool is_decimal_digit(char32_t c) { return has(decimal_digits, c); }
bool is_digit(char32_t c) { return has(digits, c); }
bool is_numeric(char32_t c) { return has(numeric, c); }
bool is_lowercase(char32_t c) { return has(lowercase, c); }
bool is_uppercase(char32_t c) { return has(uppercase, c); }
bool is_titlecase(char32_t c) { return has(titlecase, c); }
bool is_printable(char32_t c) { return !has(not_printable, c); }
bool is_line_end(char32_t c) {
  return (c >= 10 && c <= 13) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

size_t count_characters(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

size_t byte_of_character(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) ++at;
  }
  return at;
}

size_t previous_character(std::string_view text, size_t end) {
  size_t at = end - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) --at;
  return at;
}

std::string lower(std::string_view text) {
  return mapped(
      text, [&](std::string& out, size_t begin, size_t end, char32_t c) { append_lower(out, text, begin, end, c); });
}

std::string upper(std::string_view text) {
  return mapped(text, [](std::string& out, size_t, size_t, char32_t c) { upper_mapping.append(out, c); });
}

std::string title(std::string_view text) {
  bool after_cased = false;
  return mapped(text, [&](std::string& out, size_t begin, size_t end, char32_t c) {
    if (after_cased) {
      append_lower(out, text, begin, end, c);
    } else {
      title_mapping.append(out, c);
    }
    after_cased = is_cased(c);
  });
}

std::string capitalize(std::string_view text) {
  return mapped(text, [&](std::string& out, size_t begin, size_t end, char32_t c) {
    if (begin == 0) {
      title_mapping.append(out, c);
    } else {
      append_lower(out, text, begin, end, c);
    }
  });
}

std::string swap_case(std::string_view text) {
  return mapped(text, [&](std::string& out, size_t begin, size_t end, char32_t c) {
    if (is_uppercase(c)) {
      append_lower(out, text, begin, end, c);
    } else if (is_lowercase(c)) {
      upper_mapping.append(out, c);
    } else {
      utf8_append(out, c);
    }
  });
}

std::string case_fold(std::string_view text) {
  return mapped(text, [](std::string& out, size_t, size_t, char32_t c) { fold_mapping.append(out, c); });
}

}  // namespace troupe::jinja
