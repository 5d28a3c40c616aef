// The store of a cluster that needs no other service: one SQLite file in write-ahead mode, every write durable before
// it is answered. SQL is nowhere else. More than one process may open the file; each call is its own transaction.
#pragma once

#include <filesystem>
#include <memory>

#include "actors/seams/store.hpp"
#include "base/result.hpp"

namespace troupe {

class sqlite_store final : public store {
 public:
  /// Opens or makes the file (mode 0600) and checks that it is whole. Errors: corrupt (damaged: what to do is in the
  /// message), not_supported (a newer troupe wrote it), io_failed.
  static result<std::unique_ptr<sqlite_store>> open(const std::filesystem::path& file);
  ~sqlite_store() override;

  result<std::optional<store_entry>> get(std::string_view key) override;
  /// Also: invalid_argument (a key that is empty or longer than 1 KiB), payload_too_large (a value above 1 MiB).
  result<uint64_t> put_if(std::string_view key, std::string_view value, uint64_t expected) override;
  result<void> remove_if(std::string_view key, uint64_t expected) override;
  result<std::vector<store_entry>> list(std::string_view prefix) override;

 private:
  class implementation;
  explicit sqlite_store(std::unique_ptr<implementation> made);
  std::unique_ptr<implementation> implementation_;
};

}  // namespace troupe
