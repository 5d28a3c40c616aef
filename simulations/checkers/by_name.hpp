// What checkers keep of requests, by their names: looked up with each of a stream's tokens.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace troupe::simulation {

struct name_hash {
  using is_transparent = void;
  size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
};

template <class Value>
using by_name = std::unordered_map<std::string, Value, name_hash, std::equal_to<>>;
using name_set = std::unordered_set<std::string, name_hash, std::equal_to<>>;

}  // namespace troupe::simulation
