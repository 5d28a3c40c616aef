// iter(), len() and reversed() of values.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "shards/chat_template/jinja/heap.hpp"
#include "shards/chat_template/jinja/value.hpp"

namespace troupe::jinja {

/// iter(v). A dict gives its keys, a string its characters, an undefined value nothing.
/// Errors: a type that has no items ("'int' object is not iterable").
result<std::shared_ptr<iterator_data>> iterate(heap& h, const value& v);
/// reversed(v): not for iterators.
result<std::shared_ptr<iterator_data>> iterate_reversed(heap& h, const value& v);
/// list(v).
result<std::vector<value>> collect(heap& h, const value& v);
/// len(v); nothing where the type has none.
std::optional<integer> length_of(const value& v);
/// The character at `index` (may be negative), element, or nothing where it is out of range. v: text, list, tuple or
/// range.
result<std::optional<value>> element(heap& h, const value& v, integer index);

/// A generator whose items a function makes; it ends with the first nothing. `source` is what the function keeps.
result<value> generator(heap& h, const value& source, std::function<result<std::optional<value>>(heap&)> next);
/// An iterator over items that are already there.
std::shared_ptr<iterator_data> iterate_items(std::vector<value> items);

}  // namespace troupe::jinja
