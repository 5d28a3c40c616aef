#include "shards/chat_template/jinja/show.hpp"

#include "shards/chat_template/jinja/number.hpp"
#include "shards/chat_template/jinja/object.hpp"
#include "shards/chat_template/jinja/text.hpp"
#include "shards/chat_template/jinja/unicode.hpp"

namespace troupe::jinja {
namespace {

class representation {
 public:
  representation(heap& h, size_t depth) : heap_(h), depth_(depth) {}

  result<void> put(const value& v) {
    TROUPE_TRY(heap_.spend(1));
    if (v.is_text()) return put_text(v);
    if (v.is_undefined()) return append("Undefined");
    if (v.is<list_value>()) return put_items(v.items(), "[", "]");
    if (v.is<tuple_value>()) return put_items(v.items(), "(", v.items().size() == 1 ? ",)" : ")");
    if (v.is<dict_value>()) return put_entries(v.dict());
    if (const auto* view = v.as<view_value>()) return put_view(*view);
    if (const auto* o = v.as<object*>()) {
      TROUPE_ASSIGN(std::string shown, (*o)->show(heap_, depth_ + 1));
      return append(shown);
    }
    return append(put_plain(v));
  }

  std::string take() { return std::move(out_); }

 private:
  result<void> append(std::string_view text) {
    TROUPE_TRY(heap_.fits(out_.size() + text.size()));
    TROUPE_TRY(heap_.spend(text.size() / 512));
    out_ += text;
    return {};
  }

  result<void> put_text(const value& v) {
    TROUPE_TRY(heap_.spend_bytes(v.text().size() * 8));
    return append(v.is_markup() ? "Markup(" + in_quotes(v.text()) + ")" : in_quotes(v.text()));
  }

  static std::string put_plain(const value& v) {
    if (v.is_none()) return "None";
    if (const auto* b = v.as<bool>()) return *b ? "True" : "False";
    if (const auto* i = v.as<integer>()) return to_text(*i);
    if (const auto* d = v.as<double>()) return to_text(*d);
    if (const auto* r = v.as<range_value>()) {
      std::string out = "range(" + std::to_string(r->data->start) + ", " + std::to_string(r->data->stop);
      return out + (r->data->step == 1 ? ")" : ", " + std::to_string(r->data->step) + ")");
    }
    if (const auto* i = v.as<iterator_value>()) return "<" + i->data->type_name + " object>";
    return "";  // missing: a variable that is not set
  }

  result<void> put_items(const std::vector<value>& items, std::string_view open, std::string_view close) {
    TROUPE_TRY(append(open));
    bool first = true;
    for (const auto& item : items) {
      if (!first) TROUPE_TRY(append(", "));
      first = false;
      TROUPE_TRY(put(item));
    }
    return append(close);
  }

  result<void> put_entries(const dict_data& dict) {
    TROUPE_TRY(append("{"));
    bool first = true;
    for (const auto& [key, item] : dict.entries) {
      if (!first) TROUPE_TRY(append(", "));
      first = false;
      TROUPE_TRY(put(key));
      TROUPE_TRY(append(": "));
      TROUPE_TRY(put(item));
    }
    return append("}");
  }

  result<void> put_view(const view_value& view) {
    constexpr std::string_view open[] = {"dict_keys([", "dict_values([", "dict_items(["};
    TROUPE_TRY(append(open[static_cast<size_t>(view.part)]));
    bool first = true;
    for (const auto& [key, item] : view.data->entries) {
      if (!first) TROUPE_TRY(append(", "));
      first = false;
      if (view.part == view_of::items) TROUPE_TRY(append("("));
      if (view.part != view_of::values) TROUPE_TRY(put(key));
      if (view.part == view_of::items) TROUPE_TRY(append(", "));
      if (view.part != view_of::keys) TROUPE_TRY(put(item));
      if (view.part == view_of::items) TROUPE_TRY(append(")"));
    }
    return append("])");
  }

  heap& heap_;
  size_t depth_;
  std::string out_;
};

std::string described(const value& v) { return v.is_none() ? "None" : type_name(v) + " object"; }

}  // namespace

std::string type_name(const value& v) {
  if (v.is_undefined() || v.is_missing()) return "Undefined";
  if (v.is_none()) return "NoneType";
  if (v.is<bool>()) return "bool";
  if (v.is<integer>()) return "int";
  if (v.is<double>()) return "float";
  if (v.is_text()) return v.is_markup() ? "Markup" : "str";
  if (v.is<list_value>()) return "list";
  if (v.is<tuple_value>()) return "tuple";
  if (v.is<dict_value>()) return "dict";
  if (v.is<range_value>()) return "range";
  if (const auto* i = v.as<iterator_value>()) return i->data->type_name;
  if (const auto* w = v.as<view_value>()) {
    return w->part == view_of::keys ? "dict_keys" : w->part == view_of::values ? "dict_values" : "dict_items";
  }
  return (*v.as<object*>())->type_name();
}

result<std::string> represent(heap& h, const value& v, size_t depth) {
  // A namespace may be shown inside itself.
  if (depth > 4) return std::string("...");
  representation shown(h, depth);
  TROUPE_TRY(shown.put(v));
  return shown.take();
}

result<std::string> to_text(heap& h, const value& v) {
  if (v.is_text()) {
    TROUPE_TRY(h.spend_bytes(v.text().size()));
    return std::string(v.text());
  }
  if (v.is_undefined() || v.is_missing()) return std::string();
  return represent(h, v);
}

value undefined_attribute(const value& of, std::string_view name) {
  return undefined("'" + described(of) + "' has no attribute " + in_quotes(shortened(name)));
}

value undefined_element(const value& of, std::string_view key) {
  return undefined(described(of) + " has no element " + std::string(shortened(key)));
}

std::string_view shortened(std::string_view text) { return text.substr(0, byte_of_character(text, 100)); }

}  // namespace troupe::jinja
