// A client of a simulated cluster, and the judge of what it gets: it knows every token that its stream has to have.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "simulations/cluster/cluster.hpp"

namespace troupe::simulation {

/// What clients asked and got.
struct tally {
  uint64_t begun = 0, complete = 0, failed = 0, left = 0;
  uint64_t tokens = 0;
  /// By the error's name.
  std::map<std::string, uint64_t> errors;
  /// What must not be (reliability's invariants I1 to I3), in words.
  std::vector<std::string> violations;
};

struct client_habits {
  std::string model;
  uint32_t prompt_max = 40, tokens_max = 60;
  duration think_max = std::chrono::seconds(1);
  /// How often it goes away in the middle.
  double leaves = 0.05;
  duration timeout = std::chrono::minutes(2);
};

/// Asks one request after the other, of any gateway that runs. The cluster and the tally must outlive it.
class client {
 public:
  client(cluster& of, tally& to, const client_habits& habits, uint64_t number);
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// Begins nothing more.
  void stop() { stopped_ = true; }
  bool is_waiting() const { return answer_ != nullptr; }

 private:
  class answer;

  void ask();
  void ask_later();
  generate_request make_request();

  cluster& cluster_;
  tally& tally_;
  const client_habits habits_;
  const owner_number owner_;
  seeded_random random_;
  /// What it waits for; whoever writes it owns it.
  answer* answer_ = nullptr;
  uint64_t keys_;
  bool stopped_ = false;
};

}  // namespace troupe::simulation
