// Python's operators on values.
#pragma once

#include <cstdint>

#include "shards/chat_template/jinja/heap.hpp"
#include "shards/chat_template/jinja/value.hpp"

namespace troupe::jinja {

/// bool(v).
bool truth(const value& v);

/// a == b. An error only where the comparison takes too long.
result<bool> equal(heap& h, const value& a, const value& b);
/// a is b, as far as copies allow: the same object, or the same None, bool or small number.
bool same(const value& a, const value& b);
/// Less than 0, 0 or more than 0; for floats with NaN, `unordered`. Errors: types without an order.
/// `symbol` is what the template wrote ("<"), for the message.
constexpr int unordered = 2;
result<int> order(heap& h, const value& a, const value& b, const char* symbol);
/// item in container.
result<bool> contains(heap& h, const value& container, const value& item);

enum class arithmetic : uint8_t { add, subtract, multiply, divide, floor_divide, modulo, power };
result<value> calculate(heap& h, arithmetic op, const value& a, const value& b);
result<value> negate(const value& v);
result<value> absolute(const value& v);
/// round(v, places): half to even, on the exact value.
result<value> rounded(const value& v, integer places);

/// What str() gives, with & < > ' " as entities unless it is Markup already: markupsafe.escape.
result<std::string> escaped_text(heap& h, const value& v);

}  // namespace troupe::jinja
