#include "shards/chat_template/jinja/value.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "shards/chat_template/jinja/heap.hpp"
#include "shards/chat_template/jinja/number.hpp"
#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/unicode.hpp"

namespace troupe::jinja {
namespace {

// What a value costs beside its own bytes: the shared block and the vector's header, roughly.
constexpr size_t block_bytes = 96;

// More keys with one hash come only from someone who looked for them.
constexpr size_t same_hash_max = 64;

// Spreads neighbouring integers over the buckets of a hash table (the golden ratio in 64 bits).
constexpr uint64_t multiplier = 0x9E3779B97F4A7C15ULL;

size_t mix(size_t seed, size_t hash) { return seed ^ (hash + multiplier + (seed << 6) + (seed >> 2)); }

}  // namespace

int64_t range_data::length() const {
  if (step > 0) return start < stop ? (stop - start - 1) / step + 1 : 0;
  return start > stop ? (start - stop - 1) / -step + 1 : 0;
}

std::optional<integer> value::as_integer() const {
  if (const auto* i = as<integer>()) return *i;
  if (const auto* b = as<bool>()) return *b ? 1 : 0;
  return std::nullopt;
}

std::string_view value::text() const {
  const auto* t = as<text_value>();
  TROUPE_CHECK(t);
  return t->data->bytes;
}

const std::vector<value>& value::items() const {
  if (const auto* l = as<list_value>()) return l->data->items;
  const auto* t = as<tuple_value>();
  TROUPE_CHECK(t);
  return t->data->items;
}

const dict_data& value::dict() const {
  if (const auto* d = as<dict_value>()) return *d->data;
  const auto* v = as<view_value>();
  TROUPE_CHECK(v);
  return *v->data;
}

value undefined(std::string message) {
  return value(std::make_shared<const undefined_data>(undefined_data{std::move(message)}));
}

value constant_text(std::string bytes) {
  return value(text_value{std::make_shared<const text_data>(std::move(bytes), nullptr, 0)});
}

text_data::text_data(std::string b, std::shared_ptr<size_t> live, size_t size)
    : bytes(std::move(b)),
      characters(count_characters(bytes)),
      hash(std::hash<std::string_view>{}(bytes)),
      cost(std::move(live), size) {}

size_t depth_of(const value& v) {
  if (const auto* l = v.as<list_value>()) return l->data->depth;
  if (const auto* t = v.as<tuple_value>()) return t->data->depth;
  if (const auto* d = v.as<dict_value>()) return d->data->depth;
  if (const auto* w = v.as<view_value>()) return w->data->depth + 1;
  if (const auto* i = v.as<iterator_value>()) return i->data->depth;
  return 0;
}

std::optional<size_t> hash_of(const value& v) {
  if (const auto* text = v.as<text_value>()) return text->data->hash;
  if (auto i = v.as_integer()) return mix(static_cast<uint64_t>(*i) * multiplier, static_cast<uint64_t>(*i >> 64));
  if (const auto* d = v.as<double>()) {
    if (auto i = integer_of(*d); i && static_cast<double>(*i) == *d) return hash_of(value(*i));
    return std::hash<double>{}(*d);
  }
  if (const auto* t = v.as<tuple_value>()) return t->data->hash;
  if (v.is_none()) return 1;
  if (v.is_undefined()) return 2;
  if (const auto* o = v.as<object*>()) return std::hash<object*>{}(*o);
  if (const auto* i = v.as<iterator_value>()) return std::hash<iterator_data*>{}(i->data.get());
  if (const auto* r = v.as<range_value>()) {
    int64_t n = r->data->length();
    return mix(static_cast<size_t>(n), n == 0 ? 0 : static_cast<size_t>(r->data->start));
  }
  return std::nullopt;
}

result<const value*> find_entry(heap& h, const dict_data& dict, const value& key) {
  auto hash = hash_of(key);
  if (!hash) return wrong("unhashable type: '" + type_name(key) + "'");
  auto [begin, end] = dict.index.equal_range(*hash);
  for (auto at = begin; at != end; ++at) {
    const auto& entry = dict.entries[at->second];
    TROUPE_ASSIGN(bool same, equal(h, entry.first, key));
    if (same) return &entry.second;
  }
  return nullptr;
}

const value* find_entry(const dict_data& dict, std::string_view key) {
  auto [begin, end] = dict.index.equal_range(std::hash<std::string_view>{}(key));
  for (auto at = begin; at != end; ++at) {
    const auto& entry = dict.entries[at->second];
    if (entry.first.is_text() && entry.first.text() == key) return &entry.second;
  }
  return nullptr;
}

result<void> heap::spend(size_t steps) {
  steps_ += std::min(steps, limits_.steps_max + 1);
  if (steps_ > limits_.steps_max) {
    return wrong("the template takes more than " + std::to_string(limits_.steps_max) + " steps");
  }
  return {};
}

result<void> heap::fits(size_t text_bytes) const {
  if (text_bytes <= limits_.text_bytes_max) return {};
  return wrong("the template makes a string of more than " + std::to_string(limits_.text_bytes_max) + " bytes");
}

result<void> heap::take(size_t bytes) {
  if (bytes > limits_.memory_bytes_max || *live_ > limits_.memory_bytes_max - bytes) {
    return wrong("the template needs more than " + std::to_string(limits_.memory_bytes_max) + " bytes of memory");
  }
  *live_ += bytes;
  return {};
}

result<value> heap::text(std::string bytes, bool markup) {
  TROUPE_TRY(fits(bytes.size()));
  TROUPE_TRY(spend_bytes(bytes.size()));
  size_t size = bytes.size() + block_bytes;
  TROUPE_TRY(take(size));
  return value(text_value{std::make_shared<const text_data>(std::move(bytes), live_, size), markup});
}

result<size_t> heap::depth_above(const value& source) const {
  size_t depth = depth_of(source) + 1;
  if (depth > value_depth_max) {
    return wrong("the template nests values more than " + std::to_string(value_depth_max) + " deep");
  }
  return depth;
}

result<value> heap::list(std::vector<value> items) {
  size_t depth = 1;
  for (const auto& item : items) {
    TROUPE_ASSIGN(size_t above, depth_above(item));
    depth = std::max(depth, above);
  }
  TROUPE_TRY(spend(1 + items.size() / 8));
  size_t size = items.capacity() * sizeof(value) + block_bytes;
  TROUPE_TRY(take(size));
  return value(list_value{std::make_shared<const sequence_data>(std::move(items), depth, live_, size)});
}

result<value> heap::tuple(std::vector<value> items, bool group) {
  std::optional<size_t> hash = items.size();
  for (const auto& item : items) {
    auto h = hash_of(item);
    hash = h && hash ? std::optional<size_t>(mix(*hash, *h)) : std::nullopt;
  }
  TROUPE_ASSIGN(value made, list(std::move(items)));
  auto data = std::const_pointer_cast<sequence_data>(made.as<list_value>()->data);
  data->hash = hash;
  return value(tuple_value{std::move(data), group});
}

result<value> heap::dict(std::vector<std::pair<value, value>> entries) {
  TROUPE_TRY(spend(1 + entries.size() / 4));
  size_t size = entries.capacity() * 2 * sizeof(value) + entries.size() * 48 + block_bytes;
  TROUPE_TRY(take(size));
  auto data = std::make_shared<dict_data>(std::vector<std::pair<value, value>>(), 1, live_, size);
  data->entries.reserve(entries.size());
  data->index.reserve(entries.size());
  for (auto& entry : entries) {
    value& key = entry.first;
    value& item = entry.second;
    auto hash = hash_of(key);
    if (!hash) return wrong("unhashable type: '" + type_name(key) + "'");
    TROUPE_ASSIGN(size_t above_key, depth_above(key));
    TROUPE_ASSIGN(size_t above_item, depth_above(item));
    data->depth = std::max({data->depth, above_key, above_item});
    TROUPE_ASSIGN(const value* known, find_entry(*this, *data, key));
    if (known) {
      *const_cast<value*>(known) = std::move(item);  // still ours alone
    } else {
      if (data->index.count(*hash) >= same_hash_max) return wrong("too many keys of a dict have the same hash");
      data->index.emplace(*hash, static_cast<uint32_t>(data->entries.size()));
      data->entries.emplace_back(std::move(key), std::move(item));
    }
  }
  return value(dict_value{std::move(data)});
}

result<std::shared_ptr<charge>> heap::reserve(size_t bytes) {
  TROUPE_TRY(take(bytes));
  return std::make_shared<charge>(live_, bytes);
}

}  // namespace troupe::jinja
