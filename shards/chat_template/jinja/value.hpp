// The values that a template computes with: Python's, as far as a template can tell.
//
// Values are immutable and shared by reference counts. What can change or refer back to itself (namespaces, loops,
// macros) is an `object`: it belongs to the rendering that made it, and values only point to it, so that no cycle keeps
// memory alive. Containers and iterators know how deep they nest; a heap refuses to make deeper ones, so walking one
// never runs out of stack.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace troupe::jinja {

/// Python's integers have no bound; these have 128 bits, and going beyond is an error.
__extension__ typedef __int128 integer;

class heap;
class object;
class value;
struct undefined_data;
struct text_data;
struct sequence_data;
struct dict_data;
struct iterator_data;

struct missing_value {};  // A variable that was not set: what names resolve to before they become undefined.
struct none_value {};

/// A string; `markup` is markupsafe's Markup, which escapes what is added to it.
struct text_value {
  std::shared_ptr<const text_data> data;
  bool markup = false;
};
struct list_value {
  std::shared_ptr<const sequence_data> data;
};
struct tuple_value {
  std::shared_ptr<const sequence_data> data;
  bool group = false;  // what the filter groupby makes: has the attributes grouper and list
};
struct dict_value {
  std::shared_ptr<const dict_data> data;
};
enum class view_of : uint8_t { keys, values, items };
struct view_value {
  std::shared_ptr<const dict_data> data;
  view_of part = view_of::keys;
};
struct range_data {
  int64_t start = 0, stop = 0, step = 1;
  int64_t length() const;
};
struct range_value {
  std::shared_ptr<const range_data> data;
};
/// What Python calls a generator or iterator: gives its items once. Shared: whoever asks takes the next one.
struct iterator_value {
  std::shared_ptr<iterator_data> data;
};

template <class T, class Variant>
inline constexpr bool is_alternative = false;
template <class T, class... Kinds>
inline constexpr bool is_alternative<T, std::variant<Kinds...>> = (std::is_same_v<T, Kinds> || ...);

class value {
 public:
  using storage =
      std::variant<missing_value, std::shared_ptr<const undefined_data>, none_value, bool, integer, double, text_value,
                   list_value, tuple_value, dict_value, view_value, range_value, iterator_value, object*>;

  value() = default;  // missing
  template <class T>
  requires is_alternative<T, storage> value(T x)
      : storage_(std::in_place_type<T>, std::move(x)) {}  // NOLINT: conversions are the point

  template <class T>
  bool is() const {
    return std::holds_alternative<T>(storage_);
  }
  template <class T>
  const T* as() const {
    return std::get_if<T>(&storage_);
  }

  bool is_missing() const { return is<missing_value>(); }
  bool is_undefined() const { return is<std::shared_ptr<const undefined_data>>(); }
  bool is_none() const { return is<none_value>(); }
  bool is_text() const { return is<text_value>(); }
  bool is_markup() const { return is_text() && as<text_value>()->markup; }
  /// A bool counts as one, as in Python.
  std::optional<integer> as_integer() const;
  /// bool, integer or float.
  bool is_number() const { return is<bool>() || is<integer>() || is<double>(); }

  // The content; the value must be of that kind.
  std::string_view text() const;
  const std::vector<value>& items() const;  // of a list or tuple
  const dict_data& dict() const;            // of a dict or view

  const storage& alternatives() const { return storage_; }

 private:
  storage storage_;
};

/// A variable or attribute that is not there, with the message of the error that using it will be.
struct undefined_data {
  std::string message;
};
value undefined(std::string message);

/// Bytes counted as alive in a heap until destroyed.
class charge {
 public:
  charge() = default;
  charge(std::shared_ptr<size_t> live, size_t bytes) : live_(std::move(live)), bytes_(bytes) {}
  charge(const charge&) = delete;
  charge& operator=(const charge&) = delete;
  ~charge() {
    if (live_) *live_ -= bytes_;
  }

 private:
  std::shared_ptr<size_t> live_;
  size_t bytes_ = 0;
};

struct text_data {
  std::string bytes;  // valid UTF-8
  size_t characters = 0;
  size_t hash = 0;
  charge cost;
  text_data(std::string b, std::shared_ptr<size_t> live, size_t size);
};

struct sequence_data {
  std::vector<value> items;
  size_t depth = 1;
  std::optional<size_t> hash;  // of a tuple whose items all have one
  charge cost;
  sequence_data(std::vector<value> i, size_t d, std::shared_ptr<size_t> live, size_t size)
      : items(std::move(i)), depth(d), cost(std::move(live), size) {}
};

/// Entries in the order of their first insertion; keys differ and have hashes.
struct dict_data {
  std::vector<std::pair<value, value>> entries;
  std::unordered_multimap<size_t, uint32_t> index;  // hash -> entry
  size_t depth = 1;
  charge cost;
  dict_data(std::vector<std::pair<value, value>> e, size_t d, std::shared_ptr<size_t> live, size_t size)
      : entries(std::move(e)), depth(d), cost(std::move(live), size) {}
};

struct iterator_data {
  size_t depth = 1;
  /// Python's name of the type, for messages.
  std::string type_name = "generator";
  virtual ~iterator_data() = default;
  /// The next item, or nothing at the end.
  virtual result<std::optional<value>> next(heap& h) = 0;
};

/// The depth of a container or iterator; 0 for the others.
size_t depth_of(const value& v);

/// Python's hash, or nothing where the value has none (lists, dicts). Equal keys have equal hashes.
std::optional<size_t> hash_of(const value& v);

/// The entry's value, or nullptr. Errors: a key without a hash.
result<const value*> find_entry(heap& h, const dict_data& dict, const value& key);
/// The same for a name.
const value* find_entry(const dict_data& dict, std::string_view key);

}  // namespace troupe::jinja
