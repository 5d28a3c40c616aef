// A client of a simulated cluster: asks, reads, goes away, and says what it sees. Checkers judge that.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "simulations/cluster/cluster.hpp"

namespace troupe::simulation {

/// What clients asked and got.
struct tally {
  uint64_t begun = 0, complete = 0, failed = 0, left = 0;
  uint64_t tokens = 0;

  tally& operator+=(const tally& more);
};

struct tally_field {
  std::string_view name;
  uint64_t tally::*count;
};
/// Each of them, as reports name it.
inline constexpr std::array tally_fields = {
    tally_field{"begun", &tally::begun}, tally_field{"complete", &tally::complete},
    tally_field{"failed", &tally::failed}, tally_field{"left", &tally::left}, tally_field{"tokens", &tally::tokens}};

inline tally& tally::operator+=(const tally& more) {
  for (const tally_field& each : tally_fields) this->*each.count += more.*each.count;
  return *this;
}

/// Of all clients of a cluster; a fault may change them while they run.
struct client_habits {
  /// Deployments, each as likely.
  std::vector<std::string> models;
  uint32_t prompt_max = 40, tokens_max = 60, choices_max = 1;
  duration think_max = std::chrono::seconds(1);
  /// How often it goes away in the middle.
  double leaves = 0.05;
  /// How often a prompt begins with one of a few texts, and how long those are.
  double shares = 0.3;
  uint32_t shared_max = 150;
  /// How often it takes nothing more for a while.
  double pauses = 0;
  duration timeout = std::chrono::minutes(2);
};

/// How long one request is.
struct request_size {
  uint32_t prompt = 0, tokens = 0;
};

/// Asks one request after the other, of any gateway that runs; or one of that size alone, and says when it is over. The
/// cluster, the tally and the habits must outlive it.
class client {
 public:
  /// `over`: after a single request, of that size (0: as the habits say); empty: it asks again and again.
  client(cluster& of, tally& to, const client_habits& habits, uint64_t number, request_size only = {},
         std::function<void()> over = {});
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
  /// After a request.
  void go_on();
  generate_request make_request();
  void leave_later(const node_name& gateway);
  /// Takes deltas again after a while.
  void go_on_later();

  cluster& cluster_;
  tally& tally_;
  const client_habits& habits_;
  const owner_number owner_;
  seeded_random random_;
  /// What it waits for; whoever writes it owns it.
  answer* answer_ = nullptr;
  /// Of the request under way.
  uint64_t key_;
  node_name gateway_;
  request_size only_;
  std::function<void()> over_;
  bool stopped_ = false;
  /// False after its end: what is still written to it then is for nobody.
  std::shared_ptr<bool> lives_ = std::make_shared<bool>(true);
};

}  // namespace troupe::simulation
