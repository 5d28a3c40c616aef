#include "shards/chat_template/jinja/iterate.hpp"

#include "base/utf8.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/unicode.hpp"

namespace troupe::jinja {
namespace {

// Walks what has a size: `at` is the next index, from either end.
class indexed_iterator final : public iterator_data {
 public:
  indexed_iterator(value source, size_t size, bool backwards)
      : source_(std::move(source)), size_(size), backwards_(backwards) {
    type_name = backwards ? "reversed" : "iterator";
    depth = depth_of(source_) + 1;
  }

  result<std::optional<value>> next(heap& h) override {
    if (at_ == size_) return std::optional<value>();
    TROUPE_TRY(h.spend(1));
    size_t index = backwards_ ? size_ - 1 - at_ : at_;
    ++at_;
    if (source_.is<list_value>() || source_.is<tuple_value>()) return std::optional<value>(source_.items()[index]);
    if (const auto* r = source_.as<range_value>()) {
      return std::optional<value>(integer{r->data->start} + integer{r->data->step} * static_cast<integer>(index));
    }
    const auto& [key, item] = source_.dict().entries[index];
    const auto* view = source_.as<view_value>();
    if (!view || view->part == view_of::keys) return std::optional<value>(key);
    if (view->part == view_of::values) return std::optional<value>(item);
    TROUPE_ASSIGN(value pair, h.tuple({key, item}));
    return std::optional<value>(std::move(pair));
  }

 private:
  value source_;
  size_t size_, at_ = 0;
  bool backwards_;
};

class character_iterator final : public iterator_data {
 public:
  explicit character_iterator(text_value text) : text_(std::move(text)) { type_name = "str_iterator"; }

  result<std::optional<value>> next(heap& h) override {
    std::string_view bytes = text_.data->bytes;
    if (at_ == bytes.size()) return std::optional<value>();
    size_t begin = at_;
    utf8_decode(bytes, at_);
    TROUPE_ASSIGN(value character, h.text(std::string(bytes.substr(begin, at_ - begin))));
    return std::optional<value>(std::move(character));
  }

 private:
  text_value text_;
  size_t at_ = 0;
};

class item_iterator final : public iterator_data {
 public:
  explicit item_iterator(std::vector<value> items) : items_(std::move(items)) {
    for (const auto& item : items_) depth = std::max(depth, depth_of(item) + 1);
  }

  result<std::optional<value>> next(heap& h) override {
    if (at_ == items_.size()) return std::optional<value>();
    TROUPE_TRY(h.spend(1));
    return std::optional<value>(items_[at_++]);
  }

 private:
  std::vector<value> items_;
  size_t at_ = 0;
};

class function_iterator final : public iterator_data {
 public:
  function_iterator(std::function<result<std::optional<value>>(heap&)> next, std::shared_ptr<charge> cost)
      : next_(std::move(next)), cost_(std::move(cost)) {}

  result<std::optional<value>> next(heap& h) override {
    // A generator that is asked from within itself would never end.
    if (ended_ || running_)
      return running_ ? result<std::optional<value>>(wrong("generator already executing")) : std::optional<value>();
    TROUPE_TRY(h.spend(1));
    running_ = true;
    auto item = next_(h);
    running_ = false;
    if (!item || !*item) {
      ended_ = true;
      next_ = nullptr;
    }
    return item;
  }

 private:
  std::function<result<std::optional<value>>(heap&)> next_;
  std::shared_ptr<charge> cost_;
  bool ended_ = false, running_ = false;
};

std::shared_ptr<iterator_data> indexed(const value& v, size_t size, bool backwards) {
  return std::make_shared<indexed_iterator>(v, size, backwards);
}

// The size of what indexed_iterator walks.
std::optional<size_t> indexed_size(const value& v) {
  if (v.is<list_value>() || v.is<tuple_value>()) return v.items().size();
  if (v.is<dict_value>() || v.is<view_value>()) return v.dict().entries.size();
  if (const auto* r = v.as<range_value>()) return static_cast<size_t>(r->data->length());
  return std::nullopt;
}

}  // namespace

result<std::shared_ptr<iterator_data>> iterate(heap& h, const value& v) {
  TROUPE_TRY(h.spend(1));
  if (auto size = indexed_size(v)) return indexed(v, *size, false);
  if (const auto* text = v.as<text_value>())
    return std::shared_ptr<iterator_data>(std::make_shared<character_iterator>(*text));
  if (const auto* i = v.as<iterator_value>()) return i->data;
  if (v.is_undefined() || v.is_missing()) return iterate_items({});
  return wrong("'" + type_name(v) + "' object is not iterable");
}

result<std::shared_ptr<iterator_data>> iterate_reversed(heap& h, const value& v) {
  TROUPE_TRY(h.spend(1));
  if (auto size = indexed_size(v)) return indexed(v, *size, true);
  if (v.is_undefined()) return iterate_items({});
  if (v.is_text()) {
    TROUPE_ASSIGN(auto characters, collect(h, v));
    std::vector<value> backwards(characters.rbegin(), characters.rend());
    return iterate_items(std::move(backwards));
  }
  return wrong("'" + type_name(v) + "' object is not reversible");
}

result<std::vector<value>> collect(heap& h, const value& v) {
  if (v.is<list_value>() || v.is<tuple_value>()) {
    TROUPE_TRY(h.spend(1 + v.items().size() / 8));
    return v.items();
  }
  TROUPE_ASSIGN(auto items, iterate(h, v));
  std::vector<value> out;
  for (;;) {
    TROUPE_ASSIGN(auto next, items->next(h));
    if (!next) return out;
    out.push_back(std::move(*next));
  }
}

std::optional<integer> length_of(const value& v) {
  if (const auto* text = v.as<text_value>()) return static_cast<integer>(text->data->characters);
  if (auto size = indexed_size(v)) return static_cast<integer>(*size);
  if (v.is_undefined()) return 0;
  return std::nullopt;
}

result<std::optional<value>> element(heap& h, const value& v, integer index) {
  integer size = *length_of(v);
  if (index < 0) index += size;
  if (index < 0 || index >= size) return std::optional<value>();
  size_t at = static_cast<size_t>(index);
  if (const auto* text = v.as<text_value>()) {
    std::string_view bytes = text->data->bytes;
    bool ascii = bytes.size() == text->data->characters;
    if (!ascii) TROUPE_TRY(h.spend_bytes(bytes.size()));
    size_t begin = ascii ? at : byte_of_character(bytes, at), end = begin;
    utf8_decode(bytes, end);
    TROUPE_ASSIGN(value character, h.text(std::string(bytes.substr(begin, end - begin)), text->markup));
    return std::optional<value>(std::move(character));
  }
  if (const auto* r = v.as<range_value>())
    return std::optional<value>(integer{r->data->start} + integer{r->data->step} * index);
  return std::optional<value>(v.items()[at]);
}

result<value> generator(heap& h, const value& source, std::function<result<std::optional<value>>(heap&)> next) {
  TROUPE_TRY(h.spend(1));
  TROUPE_ASSIGN(size_t depth, h.depth_above(source));
  TROUPE_ASSIGN(auto cost, h.reserve(sizeof(function_iterator) + 128));
  auto made = std::make_shared<function_iterator>(std::move(next), std::move(cost));
  made->depth = depth;
  return value(iterator_value{std::move(made)});
}

std::shared_ptr<iterator_data> iterate_items(std::vector<value> items) {
  return std::make_shared<item_iterator>(std::move(items));
}

}  // namespace troupe::jinja
