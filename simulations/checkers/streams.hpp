// What clients see of their streams: I1, I2 and I3.
//
// Events, by `request`: request.begun {gateway, prompt, seed, choices, tokens}, request.delta {choice, text},
// request.ended {how, prompt_tokens, tokens}, request.left {}; by the gateway stream.token {choice, index}; by a
// machine os.ended {process}.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "simulations/checkers/by_name.hpp"
#include "simulations/checkers/checker.hpp"

namespace troupe::simulation {

/// I1: every request ends exactly once, complete or with an error, and nothing of it comes after that. It is cut off
/// without a word only with its gateway.
class ends_once final : public checker {
 public:
  std::string_view id() const override { return "I1"; }
  std::vector<std::string_view> reads() const override {
    return {"request.begun", "request.delta", "request.ended", "request.left", "os.ended"};
  }
  void read(const event& what, violations& found) override;
  void end(duration at, violations& found) override;

 private:
  /// With their gateways.
  by_name<std::string> running_;
  /// Gateways that ended, until a request begins there again.
  name_set ended_;
  name_set over_;
};

/// I2: a stream repeats, skips and changes nothing: the indices of its tokens follow each other, and a complete answer
/// has all its tokens, and says so.
class whole_streams final : public checker {
 public:
  std::string_view id() const override { return "I2"; }
  std::vector<std::string_view> reads() const override {
    return {"request.begun", "request.delta", "request.ended", "request.left", "stream.token"};
  }
  void read(const event& what, violations& found) override;

 private:
  struct request {
    uint64_t prompt = 0, tokens = 0;
    /// Of each choice: how much the client got, and the next index that the gateway accepts.
    std::vector<uint64_t> got, next;
  };
  void read_progress(const event& what, request& r, violations& found);
  void judge_complete(const event& what, const request& r, violations& found);

  by_name<request> running_;
};

/// I3: whatever happens to a stream, its tokens are those that prompt, seed and parameters ask for.
class right_tokens final : public checker {
 public:
  /// The letters of one choice's answer, one with each call.
  using answer = std::function<char()>;
  using oracle = std::function<answer(std::string_view prompt, uint64_t seed, uint64_t choice)>;

  explicit right_tokens(oracle right) : right_(std::move(right)) {}
  std::string_view id() const override { return "I3"; }
  std::vector<std::string_view> reads() const override {
    return {"request.begun", "request.delta", "request.ended", "request.left"};
  }
  void read(const event& what, violations& found) override;

 private:
  struct choice {
    answer right;
    uint64_t got = 0;
    bool wrong = false;
  };
  oracle right_;
  by_name<std::vector<choice>> running_;
};

}  // namespace troupe::simulation
