// json.dumps, as the filter tojson of transformers calls it.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/utf8.hpp"
#include "shards/chat_template/jinja/filters.hpp"
#include "shards/chat_template/jinja/number.hpp"
#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/sort.hpp"

namespace troupe::jinja {
namespace {

class json_writer {
 public:
  json_writer(heap& h, const json_style& style) : heap_(h), style_(style) {}

  result<void> put(const value& v, size_t depth) {
    TROUPE_TRY(heap_.spend(1));
    TROUPE_TRY(heap_.fits(out_.size()));
    if (v.is_text()) return put_text(v.text());
    if (v.is_none()) return append("null");
    if (const auto* b = v.as<bool>()) return append(*b ? "true" : "false");
    if (const auto* i = v.as<integer>()) return append(to_text(*i));
    if (const auto* d = v.as<double>()) return append(real(*d));
    if (v.is<list_value>() || v.is<tuple_value>()) return put_items(v.items(), depth);
    if (v.is<dict_value>()) return put_entries(v.dict(), depth);
    return wrong("Object of type " + type_name(v) + " is not JSON serializable");
  }

  std::string take() { return std::move(out_); }

 private:
  static std::string real(double d) {
    if (std::isnan(d)) return "NaN";
    if (std::isinf(d)) return d < 0 ? "-Infinity" : "Infinity";
    return to_text(d);
  }

  result<void> append(std::string_view text) {
    out_ += text;
    return {};
  }

  result<void> new_line(size_t depth) {
    if (!style_.indent) return {};
    TROUPE_TRY(heap_.fits(out_.size() + 1 + style_.indent->size() * depth));
    TROUPE_TRY(heap_.spend_bytes(style_.indent->size() * depth));
    out_ += '\n';
    for (size_t i = 0; i < depth; ++i) out_ += *style_.indent;
    return {};
  }

  void escape(char32_t unit) {
    char buffer[16];
    std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(unit));
    out_ += buffer;
  }

  result<void> put_text(std::string_view text) {
    TROUPE_TRY(heap_.spend_bytes(text.size() * 4));
    TROUPE_TRY(heap_.fits(out_.size() + text.size() * 6));
    out_ += '"';
    for (size_t at = 0; at < text.size();) {
      size_t begin = at;
      char32_t c = utf8_decode(text, at);
      static constexpr std::string_view plain = "\"\\\n\r\t\f\b", letters = "\"\\nrtfb";
      size_t found = c < 0x80 ? plain.find(static_cast<char>(c)) : std::string_view::npos;
      if (found != std::string_view::npos) {
        out_ += '\\';
        out_ += letters[found];
      } else if (c < 0x20 || (style_.ascii && c >= 0x7F && c < 0x10000 && c != 0x7F)) {
        escape(c);
      } else if (style_.ascii && c >= 0x10000) {
        escape(0xD800 + ((c - 0x10000) >> 10));
        escape(0xDC00 + ((c - 0x10000) & 0x3FF));
      } else {
        out_ += text.substr(begin, at - begin);
      }
    }
    out_ += '"';
    return {};
  }

  result<void> put_items(const std::vector<value>& items, size_t depth) {
    if (items.empty()) return append("[]");
    out_ += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      TROUPE_TRY(new_line(depth + 1));
      TROUPE_TRY(put(items[i], depth + 1));
    }
    TROUPE_TRY(new_line(depth));
    return append("]");
  }

  result<std::string> key_text(const value& key) {
    if (key.is_text()) return std::string(key.text());
    if (key.is_none()) return std::string("null");
    if (const auto* b = key.as<bool>()) return std::string(*b ? "true" : "false");
    if (const auto* i = key.as<integer>()) return to_text(*i);
    if (const auto* d = key.as<double>()) return real(*d);
    return wrong("keys must be str, int, float, bool or None, not " + type_name(key));
  }

  result<void> put_entries(const dict_data& dict, size_t depth) {
    if (dict.entries.empty()) return append("{}");
    std::vector<size_t> way(dict.entries.size());
    for (size_t i = 0; i < way.size(); ++i) way[i] = i;
    if (style_.sort_keys) {
      std::vector<value> keys;
      for (const auto& entry : dict.entries) keys.push_back(entry.first);
      TROUPE_ASSIGN(way, sorted_places(heap_, keys, false));
    }
    out_ += '{';
    for (size_t i = 0; i < way.size(); ++i) {
      const auto& [key, item] = dict.entries[way[i]];
      if (i > 0) out_ += style_.item_separator;
      TROUPE_TRY(new_line(depth + 1));
      TROUPE_ASSIGN(std::string name, key_text(key));
      TROUPE_TRY(put_text(name));
      out_ += style_.key_separator;
      TROUPE_TRY(put(item, depth + 1));
    }
    TROUPE_TRY(new_line(depth));
    return append("}");
  }

  heap& heap_;
  const json_style& style_;
  std::string out_;
};

}  // namespace

result<std::string> to_json(heap& h, const value& v, const json_style& style) {
  json_writer writer(h, style);
  TROUPE_TRY(writer.put(v, 0));
  return writer.take();
}

}  // namespace troupe::jinja
