// A store in memory: what actors that keep something are tested with.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/seams/store.hpp"

namespace troupe {

class memory_store final : public store {
 public:
  result<std::optional<store_entry>> get(std::string_view key) override {
    auto at = entries.find(std::string(key));
    return at == entries.end() ? std::nullopt : std::optional(at->second);
  }
  result<uint64_t> put_if(std::string_view key, std::string_view value, uint64_t expected) override {
    auto& entry = entries[std::string(key)];
    if (entry.revision != expected) return {errc::conflict, "another revision"};
    entry = {std::string(key), std::string(value), ++revision};
    return revision;
  }
  result<void> remove_if(std::string_view, uint64_t) override { return {errc::not_supported, ""}; }
  result<std::vector<store_entry>> list(std::string_view) override { return std::vector<store_entry>{}; }

  std::map<std::string, store_entry> entries;
  uint64_t revision = 0;
};

}  // namespace troupe
