#include "simulations/seams/memory_store.hpp"

namespace troupe::simulation {
namespace {

constexpr size_t listed_max = 10'000;

}  // namespace

result<void> memory_store::check() const {
  if (cut_ || where_.fails) return {errc::io_failed, "the disk does not answer"};
  return {};
}

result<void> memory_store::check(std::string_view key, uint64_t expected) const {
  TROUPE_TRY(check());
  const auto found = where_.entries.find(key);
  const uint64_t present = found == where_.entries.end() ? 0 : found->second.revision;
  if (present != expected)
    return {errc::conflict,
            std::string(key) + " has revision " + std::to_string(present) + ", not " + std::to_string(expected)};
  return {};
}

result<void> memory_store::written() const {
  // A copy: it may be taken away by what it does.
  if (const auto told = where_.written) told();
  if (where_.loses_answers) return {errc::io_failed, "the disk does not say whether it has written"};
  return {};
}

result<std::optional<store_entry>> memory_store::get(std::string_view key) {
  TROUPE_TRY(check());
  const auto found = where_.entries.find(key);
  return found == where_.entries.end() ? std::optional<store_entry>() : found->second;
}

result<uint64_t> memory_store::put_if(std::string_view key, std::string_view value, uint64_t expected) {
  TROUPE_TRY(check(key, expected));
  const uint64_t revision = ++where_.revision;
  where_.entries[std::string(key)] = {std::string(key), std::string(value), revision};
  TROUPE_TRY(written());
  return revision;
}

result<void> memory_store::remove_if(std::string_view key, uint64_t expected) {
  TROUPE_TRY(check(key, expected));
  where_.entries.erase(std::string(key));
  ++where_.revision;
  return written();
}

result<std::vector<store_entry>> memory_store::list(std::string_view prefix) {
  TROUPE_TRY(check());
  std::vector<store_entry> found;
  for (auto at = where_.entries.lower_bound(prefix); at != where_.entries.end() && at->first.starts_with(prefix);
       ++at) {
    if (found.size() == listed_max)
      return error{errc::overloaded, "more than 10000 keys begin with " + std::string(prefix)};
    found.push_back(at->second);
  }
  return found;
}

}  // namespace troupe::simulation
