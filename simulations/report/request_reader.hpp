// Reads what became of each request out of a run's events.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "simulations/report/summary.hpp"

namespace troupe::simulation {

/// When tokens of one request came, at one place.
class token_times {
 public:
  void add(uint64_t choice, duration at, uint64_t tokens);
  bool empty() const { return count_ == 0; }
  void write_to(request_summary& to) const;

 private:
  uint64_t count_ = 0;
  std::optional<duration> first_, last_;
  /// By choice.
  std::map<uint64_t, duration> last_of_;
  duration gap_begin_{}, gap_{};
};

class request_reader {
 public:
  void read(const event& e);
  /// In the order of their beginning.
  std::vector<request_summary> finish();

 private:
  struct notes {
    token_times delivered, made;
    /// By choice: its last stretch.
    std::map<uint64_t, size_t> last;
  };

  /// The request's index.
  size_t find(const event& e);
  void begin(const event& e);
  void take_token(const event& e);
  void end(const event& e, std::string_view how);

  std::vector<request_summary> requests_;
  std::vector<notes> notes_;
  std::map<std::string, size_t> indexes_;
};

}  // namespace troupe::simulation
