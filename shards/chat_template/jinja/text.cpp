#include "shards/chat_template/jinja/text.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/utf8.hpp"
#include "shards/chat_template/jinja/unicode.hpp"

namespace troupe::jinja {
namespace {

template <class Test>
std::string_view strip_left_if(std::string_view text, Test test) {
  size_t at = 0;
  while (at < text.size()) {
    size_t next = at;
    char32_t c = utf8_decode(text, next);
    if (!test(text, at, c, next)) break;
    at = next;
  }
  return text.substr(at);
}

template <class Test>
std::string_view strip_right_if(std::string_view text, Test test) {
  size_t end = text.size();
  while (end > 0) {
    size_t begin = previous_character(text, end);
    size_t next = begin;
    char32_t c = utf8_decode(text, next);
    if (!test(text, begin, c, next)) break;
    end = begin;
  }
  return text.substr(0, end);
}

bool space(std::string_view, size_t, char32_t c, size_t) { return is_space(c); }

auto one_of(std::string_view characters) {
  return [characters](std::string_view text, size_t begin, char32_t, size_t end) {
    return characters.find(text.substr(begin, end - begin)) != std::string_view::npos;
  };
}

}  // namespace

std::string_view stripped_left(std::string_view text) { return strip_left_if(text, space); }
std::string_view stripped_right(std::string_view text) { return strip_right_if(text, space); }
std::string_view stripped_left(std::string_view text, std::string_view characters) {
  return strip_left_if(text, one_of(characters));
}
std::string_view stripped_right(std::string_view text, std::string_view characters) {
  return strip_right_if(text, one_of(characters));
}

size_t find_part(std::string_view text, std::string_view part, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (part.empty()) return from;
  const void* found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found ? static_cast<size_t>(static_cast<const char*>(found) - text.data()) : std::string_view::npos;
}

std::vector<std::string_view> split(std::string_view text, size_t splits) {
  std::vector<std::string_view> parts;
  text = stripped_left(text);
  while (!text.empty()) {
    if (parts.size() == splits) {
      parts.push_back(stripped_right(text));
      break;
    }
    auto not_space = [](std::string_view, size_t, char32_t c, size_t) { return !is_space(c); };
    std::string_view rest = strip_left_if(text, not_space);
    parts.push_back(text.substr(0, text.size() - rest.size()));
    text = stripped_left(rest);
  }
  return parts;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator, size_t splits) {
  std::vector<std::string_view> parts;
  size_t at = 0;
  while (parts.size() < splits) {
    size_t found = find_part(text, separator, at);
    if (found == std::string_view::npos) break;
    parts.push_back(text.substr(at, found - at));
    at = found + separator.size();
  }
  parts.push_back(text.substr(at));
  return parts;
}

std::vector<std::string_view> split_right(std::string_view text, size_t splits) {
  std::vector<std::string_view> parts;
  text = stripped_right(text);
  while (!text.empty()) {
    if (parts.size() == splits) {
      parts.push_back(stripped_left(text));
      break;
    }
    auto not_space = [](std::string_view, size_t, char32_t c, size_t) { return !is_space(c); };
    std::string_view rest = strip_right_if(text, not_space);
    parts.push_back(text.substr(rest.size()));
    text = stripped_right(rest);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_right(std::string_view text, std::string_view separator, size_t splits) {
  std::vector<std::string_view> parts;
  while (parts.size() < splits) {
    size_t found = text.rfind(separator);
    if (found == std::string_view::npos) break;
    parts.push_back(text.substr(found + separator.size()));
    text = text.substr(0, found);
  }
  parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    char32_t c = utf8_decode(text, at);
    if (!is_line_end(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(begin, (keep_ends ? at : end) - begin));
    begin = at;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

size_t count(std::string_view text, std::string_view part) {
  if (part.empty()) return count_characters(text) + 1;
  size_t n = 0;
  for (size_t at = find_part(text, part); at != std::string_view::npos; at = find_part(text, part, at + part.size()))
    ++n;
  return n;
}

size_t replaced_size(std::string_view text, std::string_view old, std::string_view replacement, size_t times) {
  size_t n = std::min(times, count(text, old));
  return text.size() - n * old.size() + n * replacement.size();
}

std::string replaced(std::string_view text, std::string_view old, std::string_view replacement, size_t times) {
  std::string out;
  out.reserve(replaced_size(text, old, replacement, times));
  size_t at = 0;
  for (; times > 0; --times) {
    if (old.empty()) {
      out += replacement;
      if (at == text.size()) return out;
      size_t begin = at;
      utf8_decode(text, at);
      out += text.substr(begin, at - begin);
    } else {
      size_t found = find_part(text, old, at);
      if (found == std::string_view::npos) break;
      out += text.substr(at, found - at);
      out += replacement;
      at = found + old.size();
    }
  }
  out += text.substr(at);
  return out;
}

std::string in_quotes(std::string_view text) {
  char quote = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  auto escape = [&out](const char* form, char32_t c) {
    char buffer[16];
    std::snprintf(buffer, sizeof buffer, form, static_cast<unsigned>(c));
    out += buffer;
  };
  for (size_t at = 0; at < text.size();) {
    size_t begin = at;
    char32_t c = utf8_decode(text, at);
    if (c == static_cast<unsigned char>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      out += text.substr(begin, at - begin);
    } else {
      escape(c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
    }
  }
  return out + quote;
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\'': out += "&#39;"; break;
      case '"': out += "&#34;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string without_tags(std::string_view text) {
  std::string bare;
  for (auto [open, close] : {std::pair<std::string_view, std::string_view>{"<!--", "-->"}, {"<", ">"}}) {
    std::string kept;
    size_t at = 0;
    for (;;) {
      size_t start = text.find(open, at);
      size_t end = start == std::string_view::npos ? start : text.find(close, start);
      if (end == std::string_view::npos) break;
      kept += text.substr(at, start - at);
      at = end + close.size();
    }
    kept += text.substr(at);
    bare = std::move(kept);
    text = bare;
  }
  std::string out;
  for (std::string_view word : split(bare, no_limit)) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  for (auto [entity, character] : {std::pair<std::string_view, std::string_view>{"&lt;", "<"},
                                   {"&gt;", ">"},
                                   {"&#39;", "'"},
                                   {"&#34;", "\""},
                                   {"&quot;", "\""},
                                   {"&nbsp;", "\xC2\xA0"},
                                   {"&amp;", "&"}}) {
    out = replaced(out, entity, character, no_limit);
  }
  return out;
}

std::string url_quoted(std::string_view text, std::string_view safe) {
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
                 c == '-' || c == '~' || safe.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += buffer;
    }
  }
  return out;
}

}  // namespace troupe::jinja
